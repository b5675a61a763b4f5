PRAGMA application_id = 1112817969;
PRAGMA user_version = 1;
BEGIN TRANSACTION;
CREATE TABLE commissions (asset TEXT PRIMARY KEY, amount TEXT NOT NULL) STRICT, WITHOUT ROWID;
INSERT INTO "commissions" VALUES('AAA','0.009739');
INSERT INTO "commissions" VALUES('BBB','0.03788');
INSERT INTO "commissions" VALUES('USDT','1.50196632');
CREATE TABLE decisions (
        id INTEGER PRIMARY KEY,
        time_ms INTEGER NOT NULL,
        symbol TEXT NOT NULL,
        correlation_id TEXT NOT NULL,
        verdict TEXT NOT NULL,
        explanation TEXT NOT NULL,
        price TEXT,
        strategy TEXT,
        action TEXT,
        confidence REAL,
        indicators TEXT,
        refused_by TEXT,
        client_order_id TEXT,
        outcome TEXT,
        error TEXT,
        execution_duration_ms REAL NOT NULL,
        market_ms REAL,
        signal_ms REAL,
        risk_ms REAL,
        execution_ms REAL,
        book_ms REAL
    ) STRICT;
INSERT INTO "decisions" VALUES(1,1735689961000,'AAAUSDT','1941f2efe28-1','refused','refused: no AAA is held','102.33','alternating','SELL',1.0,'{}','no_position',NULL,NULL,NULL,3.99999999999417923382e+01,20.0,0.0,0.0,NULL,NULL);
INSERT INTO "decisions" VALUES(2,1735689961000,'BBBUSDT','1941f2efe28-1','refused','refused: no BBB is held','40.08','alternating','SELL',1.0,'{}','no_position',NULL,NULL,NULL,3.99999999999417923382e+01,20.0,0.0,0.0,NULL,NULL);
INSERT INTO "decisions" VALUES(3,1735690021000,'AAAUSDT','1941f2fe888-2','filled','filled: candle 28928166','102.42','alternating','BUY',1.0,'{}',NULL,'bta-mwxc5r76-1735689600040','accepted: FILLED',NULL,3.99999999999417923382e+01,20.0,0.0,0.0,1.9999999999941792339e+01,NULL);
INSERT INTO "decisions" VALUES(4,1735690021000,'BBBUSDT','1941f2fe888-2','filled','filled: candle 28928166','39.83','alternating','BUY',1.0,'{}',NULL,'bta-mwxc5r76-1735689600041','accepted: FILLED',NULL,3.99999999999417923382e+01,20.0,0.0,0.0,1.9999999999941792339e+01,NULL);
INSERT INTO "decisions" VALUES(5,1735690081000,'AAAUSDT','1941f30d2e8-3','filled','filled: candle 28928167','102.84','alternating','SELL',1.0,'{}',NULL,'bta-mwxc5r76-1735689600042','accepted: FILLED',NULL,3.99999999999417923382e+01,20.0,0.0,0.0,1.9999999999941792339e+01,NULL);
INSERT INTO "decisions" VALUES(6,1735690081000,'BBBUSDT','1941f30d2e8-3','filled','filled: candle 28928167','40.06','alternating','SELL',1.0,'{}',NULL,'bta-mwxc5r76-1735689600043','accepted: FILLED',NULL,3.99999999999417923382e+01,20.0,0.0,0.0,1.9999999999941792339e+01,NULL);
INSERT INTO "decisions" VALUES(7,1735690141000,'AAAUSDT','1941f31bd48-4','filled','filled: candle 28928168','102.93','alternating','BUY',1.0,'{}',NULL,'bta-mwxc5r76-1735689600044','accepted: FILLED',NULL,40.0,20.0,0.0,0.0,20.0,NULL);
INSERT INTO "decisions" VALUES(8,1735690141000,'BBBUSDT','1941f31bd48-4','filled','filled: candle 28928168','39.48','alternating','BUY',1.0,'{}',NULL,'bta-mwxc5r76-1735689600045','accepted: FILLED',NULL,40.0,20.0,0.0,0.0,20.0,NULL);
INSERT INTO "decisions" VALUES(9,1735690201000,'AAAUSDT','1941f32a7a8-5','unknown','unknown: candle 28928169','103.38','alternating','SELL',1.0,'{}',NULL,'bta-mwxc5r76-1735689600046','unknown: order bta-mwxc5r76-1735689600046: no complete answer came within 10 s',NULL,10020.0,20.0,0.0,0.0,10000.0,NULL);
INSERT INTO "decisions" VALUES(10,1735690201000,'BBBUSDT','1941f32a7a8-5','filled','filled: candle 28928169','39.44','alternating','SELL',1.0,'{}',NULL,'bta-mwxc5r76-1735689600047','accepted: FILLED',NULL,40.0,20.0,0.0,0.0,20.0,NULL);
INSERT INTO "decisions" VALUES(11,1735690261000,'AAAUSDT','1941f339208-6','refused','refused: what became of order bta-mwxc5r76-1735689600046 is not in the book yet','104.2','alternating','BUY',1.0,'{}','unsettled_order',NULL,NULL,NULL,60.0,20.0,0.0,0.0,NULL,NULL);
INSERT INTO "decisions" VALUES(12,1735690261000,'BBBUSDT','1941f339208-6','filled','filled: candle 28928170','39.46','alternating','BUY',1.0,'{}',NULL,'bta-mwxc5r76-1735689600048','accepted: FILLED',NULL,7.99999999998835846764e+01,20.0,0.0,0.0,1.99999999998835846781e+01,NULL);
CREATE TABLE equity_points (
        time_ms INTEGER PRIMARY KEY,
        equity TEXT NOT NULL,
        cash TEXT NOT NULL,
        exposure TEXT NOT NULL,
        realized TEXT NOT NULL,
        unrealized TEXT NOT NULL
    ) STRICT;
INSERT INTO "equity_points" VALUES(1735689961040,'10000','10000','0','0','0');
INSERT INTO "equity_points" VALUES(1735690021040,'9998.77710148','8999.99836','998.77874148','0','-1.22289852');
INSERT INTO "equity_points" VALUES(1735690081040,'10002.48268814','10002.17200318','0.31068496','2.481310847667667571','0.001377292332332429');
INSERT INTO "equity_points" VALUES(1735690141040,'10001.25476711','9002.09750318','999.15726393','2.481310847667667571','-1.226543737667667571');
INSERT INTO "equity_points" VALUES(1735690211020,'10002.30725346','9500.38821368','501.91903978','0.720863676969095595','1.586389783030904405');
INSERT INTO "equity_points" VALUES(1735690261080,'10005.66036508','9000.30331368','1005.3570514','0.720863676969095595','4.939501403030904405');
CREATE TABLE fills (
        id INTEGER PRIMARY KEY,
        symbol TEXT NOT NULL,
        trade_id INTEGER NOT NULL,
        order_id INTEGER NOT NULL,
        client_order_id TEXT NOT NULL,
        side TEXT NOT NULL CHECK (side IN ('BUY', 'SELL')),
        price TEXT NOT NULL,
        quantity TEXT NOT NULL,
        quote_quantity TEXT NOT NULL,
        commission TEXT NOT NULL,
        commission_asset TEXT NOT NULL,
        time_ms INTEGER NOT NULL,
        is_maker INTEGER NOT NULL CHECK (is_maker IN (0, 1)),
        UNIQUE (symbol, trade_id)
    ) STRICT;
INSERT INTO "fills" VALUES(1,'AAAUSDT',1,1,'bta-mwxc5r76-1735689600040','BUY','102.44','4.881','500.00964','0.004881','AAA',1735690021030,0);
INSERT INTO "fills" VALUES(2,'BBBUSDT',1,1,'bta-mwxc5r76-1735689600041','BUY','39.84','12.55','499.992','0.01255','BBB',1735690021030,0);
INSERT INTO "fills" VALUES(3,'AAAUSDT',2,2,'bta-mwxc5r76-1735689600042','SELL','102.82','4.876','501.35032','0.50135032','USDT',1735690081030,0);
INSERT INTO "fills" VALUES(4,'BBBUSDT',2,2,'bta-mwxc5r76-1735689600043','SELL','40.05','12.53','501.8265','0.5018265','USDT',1735690081030,0);
INSERT INTO "fills" VALUES(5,'AAAUSDT',3,3,'bta-mwxc5r76-1735689600044','BUY','102.95','4.858','500.1311','0.004858','AAA',1735690141030,0);
INSERT INTO "fills" VALUES(6,'BBBUSDT',3,3,'bta-mwxc5r76-1735689600045','BUY','39.49','12.66','499.9434','0.01266','BBB',1735690141030,0);
INSERT INTO "fills" VALUES(7,'BBBUSDT',4,4,'bta-mwxc5r76-1735689600047','SELL','39.43','12.65','498.7895','0.4987895','USDT',1735690201030,0);
INSERT INTO "fills" VALUES(8,'BBBUSDT',5,5,'bta-mwxc5r76-1735689600048','BUY','39.47','12.67','500.0849','0.01267','BBB',1735690261070,0);
CREATE TABLE ledger_postings (
        id INTEGER PRIMARY KEY,
        transaction_id INTEGER NOT NULL REFERENCES ledger_transactions (id),
        account TEXT NOT NULL CHECK (account IN ('wallet', 'market', 'commission', 'external')),
        asset TEXT NOT NULL,
        amount TEXT NOT NULL
    ) STRICT;
INSERT INTO "ledger_postings" VALUES(1,1,'wallet','USDT','10000');
INSERT INTO "ledger_postings" VALUES(2,1,'external','USDT','-10000');
INSERT INTO "ledger_postings" VALUES(3,2,'wallet','AAA','4.881');
INSERT INTO "ledger_postings" VALUES(4,2,'market','AAA','-4.881');
INSERT INTO "ledger_postings" VALUES(5,2,'wallet','USDT','-500.00964');
INSERT INTO "ledger_postings" VALUES(6,2,'market','USDT','500.00964');
INSERT INTO "ledger_postings" VALUES(7,2,'wallet','AAA','-0.004881');
INSERT INTO "ledger_postings" VALUES(8,2,'commission','AAA','0.004881');
INSERT INTO "ledger_postings" VALUES(9,3,'wallet','BBB','12.55');
INSERT INTO "ledger_postings" VALUES(10,3,'market','BBB','-12.55');
INSERT INTO "ledger_postings" VALUES(11,3,'wallet','USDT','-499.992');
INSERT INTO "ledger_postings" VALUES(12,3,'market','USDT','499.992');
INSERT INTO "ledger_postings" VALUES(13,3,'wallet','BBB','-0.01255');
INSERT INTO "ledger_postings" VALUES(14,3,'commission','BBB','0.01255');
INSERT INTO "ledger_postings" VALUES(15,4,'wallet','AAA','-4.876');
INSERT INTO "ledger_postings" VALUES(16,4,'market','AAA','4.876');
INSERT INTO "ledger_postings" VALUES(17,4,'wallet','USDT','501.35032');
INSERT INTO "ledger_postings" VALUES(18,4,'market','USDT','-501.35032');
INSERT INTO "ledger_postings" VALUES(19,4,'wallet','USDT','-0.50135032');
INSERT INTO "ledger_postings" VALUES(20,4,'commission','USDT','0.50135032');
INSERT INTO "ledger_postings" VALUES(21,5,'wallet','BBB','-12.53');
INSERT INTO "ledger_postings" VALUES(22,5,'market','BBB','12.53');
INSERT INTO "ledger_postings" VALUES(23,5,'wallet','USDT','501.8265');
INSERT INTO "ledger_postings" VALUES(24,5,'market','USDT','-501.8265');
INSERT INTO "ledger_postings" VALUES(25,5,'wallet','USDT','-0.5018265');
INSERT INTO "ledger_postings" VALUES(26,5,'commission','USDT','0.5018265');
INSERT INTO "ledger_postings" VALUES(27,6,'wallet','AAA','4.858');
INSERT INTO "ledger_postings" VALUES(28,6,'market','AAA','-4.858');
INSERT INTO "ledger_postings" VALUES(29,6,'wallet','USDT','-500.1311');
INSERT INTO "ledger_postings" VALUES(30,6,'market','USDT','500.1311');
INSERT INTO "ledger_postings" VALUES(31,6,'wallet','AAA','-0.004858');
INSERT INTO "ledger_postings" VALUES(32,6,'commission','AAA','0.004858');
INSERT INTO "ledger_postings" VALUES(33,7,'wallet','BBB','12.66');
INSERT INTO "ledger_postings" VALUES(34,7,'market','BBB','-12.66');
INSERT INTO "ledger_postings" VALUES(35,7,'wallet','USDT','-499.9434');
INSERT INTO "ledger_postings" VALUES(36,7,'market','USDT','499.9434');
INSERT INTO "ledger_postings" VALUES(37,7,'wallet','BBB','-0.01266');
INSERT INTO "ledger_postings" VALUES(38,7,'commission','BBB','0.01266');
INSERT INTO "ledger_postings" VALUES(39,8,'wallet','BBB','-12.65');
INSERT INTO "ledger_postings" VALUES(40,8,'market','BBB','12.65');
INSERT INTO "ledger_postings" VALUES(41,8,'wallet','USDT','498.7895');
INSERT INTO "ledger_postings" VALUES(42,8,'market','USDT','-498.7895');
INSERT INTO "ledger_postings" VALUES(43,8,'wallet','USDT','-0.4987895');
INSERT INTO "ledger_postings" VALUES(44,8,'commission','USDT','0.4987895');
INSERT INTO "ledger_postings" VALUES(45,9,'wallet','BBB','12.67');
INSERT INTO "ledger_postings" VALUES(46,9,'market','BBB','-12.67');
INSERT INTO "ledger_postings" VALUES(47,9,'wallet','USDT','-500.0849');
INSERT INTO "ledger_postings" VALUES(48,9,'market','USDT','500.0849');
INSERT INTO "ledger_postings" VALUES(49,9,'wallet','BBB','-0.01267');
INSERT INTO "ledger_postings" VALUES(50,9,'commission','BBB','0.01267');
CREATE TABLE ledger_transactions (
        id INTEGER PRIMARY KEY,
        kind TEXT NOT NULL CHECK (kind IN ('fill', 'external')),
        reference TEXT NOT NULL,
        time_ms INTEGER NOT NULL,
        UNIQUE (kind, reference)
    ) STRICT;
INSERT INTO "ledger_transactions" VALUES(1,'external','opening:USDT',1735689600140);
INSERT INTO "ledger_transactions" VALUES(2,'fill','AAAUSDT:1',1735690021030);
INSERT INTO "ledger_transactions" VALUES(3,'fill','BBBUSDT:1',1735690021030);
INSERT INTO "ledger_transactions" VALUES(4,'fill','AAAUSDT:2',1735690081030);
INSERT INTO "ledger_transactions" VALUES(5,'fill','BBBUSDT:2',1735690081030);
INSERT INTO "ledger_transactions" VALUES(6,'fill','AAAUSDT:3',1735690141030);
INSERT INTO "ledger_transactions" VALUES(7,'fill','BBBUSDT:3',1735690141030);
INSERT INTO "ledger_transactions" VALUES(8,'fill','BBBUSDT:4',1735690201030);
INSERT INTO "ledger_transactions" VALUES(9,'fill','BBBUSDT:5',1735690261070);
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
INSERT INTO "meta" VALUES('account_uid','1');
INSERT INTO "meta" VALUES('epoch','mwxc5r76');
INSERT INTO "meta" VALUES('initial_value','10000');
INSERT INTO "meta" VALUES('opened_ms','1735689600140');
INSERT INTO "meta" VALUES('trades_seen:AAAUSDT','-1');
INSERT INTO "meta" VALUES('trades_seen:BBBUSDT','-1');
CREATE TABLE mode_changes (
        id INTEGER PRIMARY KEY,
        time_ms INTEGER NOT NULL,
        scope TEXT NOT NULL,
        mode TEXT NOT NULL CHECK (mode IN ('ACTIVE', 'REDUCING', 'HALTED')),
        rule TEXT NOT NULL,
        reason TEXT NOT NULL
    ) STRICT;
INSERT INTO "mode_changes" VALUES(1,1735690261080,'BBBUSDT','HALTED','operator','a look');
CREATE TABLE order_events (
        id INTEGER PRIMARY KEY,
        client_order_id TEXT NOT NULL REFERENCES orders (client_order_id),
        event TEXT NOT NULL,
        from_state TEXT NOT NULL CHECK (from_state IN ('INTENDED', 'NOT_SENT', 'SENT', 'UNKNOWN', 'NEVER_PLACED', 'NEW', 'PARTIALLY_FILLED', 'FILLED', 'CANCELED', 'EXPIRED',
    'REJECTED')),
        to_state TEXT NOT NULL CHECK (to_state IN ('INTENDED', 'NOT_SENT', 'SENT', 'UNKNOWN', 'NEVER_PLACED', 'NEW', 'PARTIALLY_FILLED', 'FILLED', 'CANCELED', 'EXPIRED',
    'REJECTED')),
        time_ms INTEGER NOT NULL,
        detail TEXT NOT NULL,
        exchange_status TEXT,
        exchange_order_id INTEGER,
        reported_quantity TEXT,
        reported_quote TEXT
    ) STRICT;
INSERT INTO "order_events" VALUES(1,'bta-mwxc5r76-1735689600040','SEND','INTENDED','SENT',1735690021020,'',NULL,NULL,NULL,NULL);
INSERT INTO "order_events" VALUES(2,'bta-mwxc5r76-1735689600041','SEND','INTENDED','SENT',1735690021020,'',NULL,NULL,NULL,NULL);
INSERT INTO "order_events" VALUES(3,'bta-mwxc5r76-1735689600040','FILL','SENT','FILLED',1735690021040,'','FILLED',1,'4.881','500.00964');
INSERT INTO "order_events" VALUES(4,'bta-mwxc5r76-1735689600041','FILL','SENT','FILLED',1735690021040,'','FILLED',1,'12.55','499.992');
INSERT INTO "order_events" VALUES(5,'bta-mwxc5r76-1735689600042','SEND','INTENDED','SENT',1735690081020,'',NULL,NULL,NULL,NULL);
INSERT INTO "order_events" VALUES(6,'bta-mwxc5r76-1735689600043','SEND','INTENDED','SENT',1735690081020,'',NULL,NULL,NULL,NULL);
INSERT INTO "order_events" VALUES(7,'bta-mwxc5r76-1735689600042','FILL','SENT','FILLED',1735690081040,'','FILLED',2,'4.876','501.35032');
INSERT INTO "order_events" VALUES(8,'bta-mwxc5r76-1735689600043','FILL','SENT','FILLED',1735690081040,'','FILLED',2,'12.53','501.8265');
INSERT INTO "order_events" VALUES(9,'bta-mwxc5r76-1735689600044','SEND','INTENDED','SENT',1735690141020,'',NULL,NULL,NULL,NULL);
INSERT INTO "order_events" VALUES(10,'bta-mwxc5r76-1735689600045','SEND','INTENDED','SENT',1735690141020,'',NULL,NULL,NULL,NULL);
INSERT INTO "order_events" VALUES(11,'bta-mwxc5r76-1735689600044','FILL','SENT','FILLED',1735690141040,'','FILLED',3,'4.858','500.1311');
INSERT INTO "order_events" VALUES(12,'bta-mwxc5r76-1735689600045','FILL','SENT','FILLED',1735690141040,'','FILLED',3,'12.66','499.9434');
INSERT INTO "order_events" VALUES(13,'bta-mwxc5r76-1735689600046','SEND','INTENDED','SENT',1735690201020,'',NULL,NULL,NULL,NULL);
INSERT INTO "order_events" VALUES(14,'bta-mwxc5r76-1735689600047','SEND','INTENDED','SENT',1735690201020,'',NULL,NULL,NULL,NULL);
INSERT INTO "order_events" VALUES(15,'bta-mwxc5r76-1735689600047','FILL','SENT','FILLED',1735690201040,'','FILLED',4,'12.65','498.7895');
INSERT INTO "order_events" VALUES(16,'bta-mwxc5r76-1735689600046','LOSE_SIGHT','SENT','UNKNOWN',1735690211020,'order bta-mwxc5r76-1735689600046: no complete answer came within 10 s',NULL,NULL,NULL,NULL);
INSERT INTO "order_events" VALUES(17,'bta-mwxc5r76-1735689600048','SEND','INTENDED','SENT',1735690261060,'',NULL,NULL,NULL,NULL);
INSERT INTO "order_events" VALUES(18,'bta-mwxc5r76-1735689600048','FILL','SENT','FILLED',1735690261080,'','FILLED',5,'12.67','500.0849');
CREATE TABLE orders (
        sequence INTEGER PRIMARY KEY AUTOINCREMENT,
        client_order_id TEXT NOT NULL UNIQUE CHECK (length(client_order_id) BETWEEN 1 AND 36),
        number INTEGER UNIQUE CHECK (number > 0),
        symbol TEXT NOT NULL,
        side TEXT NOT NULL CHECK (side IN ('BUY', 'SELL')),
        type TEXT NOT NULL CHECK (type IN ('MARKET', 'LIMIT', 'LIMIT_MAKER')),
        purpose TEXT NOT NULL CHECK (purpose IN ('ENTRY', 'EXIT')),
        quantity TEXT NOT NULL,
        reference_price TEXT NOT NULL,
        price TEXT,
        time_in_force TEXT CHECK (time_in_force IN ('GTC', 'IOC', 'FOK')),
        created_ms INTEGER NOT NULL,
        correlation_id TEXT NOT NULL,
        reason TEXT NOT NULL,
        reserved_quote TEXT NOT NULL,
        send_deadline_ms INTEGER NOT NULL,
        state TEXT NOT NULL CHECK (state IN ('INTENDED', 'NOT_SENT', 'SENT', 'UNKNOWN', 'NEVER_PLACED', 'NEW', 'PARTIALLY_FILLED', 'FILLED', 'CANCELED', 'EXPIRED',
    'REJECTED')),
        order_id INTEGER,
        executed_quantity TEXT NOT NULL,
        updated_ms INTEGER NOT NULL
    ) STRICT;
INSERT INTO "orders" VALUES(1,'bta-mwxc5r76-1735689600040',1735689600040,'AAAUSDT','BUY','MARKET','ENTRY','4.881','102.42',NULL,NULL,1735690021020,'1941f2fe888-2','candle 28928166','500.41193202',1735690026020,'FILLED',1,'4.881',1735690021040);
INSERT INTO "orders" VALUES(2,'bta-mwxc5r76-1735689600041',1735689600041,'BBBUSDT','BUY','MARKET','ENTRY','12.55','39.83',NULL,NULL,1735690021020,'1941f2fe888-2','candle 28928166','500.3663665',1735690026020,'FILLED',1,'12.55',1735690021040);
INSERT INTO "orders" VALUES(3,'bta-mwxc5r76-1735689600042',1735689600042,'AAAUSDT','SELL','MARKET','EXIT','4.876','102.84',NULL,NULL,1735690081020,'1941f30d2e8-3','candle 28928167','0',1735690086020,'FILLED',2,'4.876',1735690081040);
INSERT INTO "orders" VALUES(4,'bta-mwxc5r76-1735689600043',1735689600043,'BBBUSDT','SELL','MARKET','EXIT','12.53','40.06',NULL,NULL,1735690081020,'1941f30d2e8-3','candle 28928167','0',1735690086020,'FILLED',2,'12.53',1735690081040);
INSERT INTO "orders" VALUES(5,'bta-mwxc5r76-1735689600044',1735689600044,'AAAUSDT','BUY','MARKET','ENTRY','4.858','102.93',NULL,NULL,1735690141020,'1941f31bd48-4','candle 28928168','500.53397394',1735690146020,'FILLED',3,'4.858',1735690141040);
INSERT INTO "orders" VALUES(6,'bta-mwxc5r76-1735689600045',1735689600045,'BBBUSDT','BUY','MARKET','ENTRY','12.66','39.48',NULL,NULL,1735690141020,'1941f31bd48-4','candle 28928168','500.3166168',1735690146020,'FILLED',3,'12.66',1735690141040);
INSERT INTO "orders" VALUES(7,'bta-mwxc5r76-1735689600046',1735689600046,'AAAUSDT','SELL','MARKET','EXIT','4.853','103.38',NULL,NULL,1735690201020,'1941f32a7a8-5','candle 28928169','0',1735690206020,'UNKNOWN',NULL,'0',1735690211020);
INSERT INTO "orders" VALUES(8,'bta-mwxc5r76-1735689600047',1735689600047,'BBBUSDT','SELL','MARKET','EXIT','12.65','39.44',NULL,NULL,1735690201020,'1941f32a7a8-5','candle 28928169','0',1735690206020,'FILLED',4,'12.65',1735690201040);
INSERT INTO "orders" VALUES(9,'bta-mwxc5r76-1735689600048',1735689600048,'BBBUSDT','BUY','MARKET','ENTRY','12.67','39.46',NULL,NULL,1735690261060,'1941f339208-6','candle 28928170','500.4581582',1735690266060,'FILLED',5,'12.67',1735690261080);
CREATE TABLE peak_prices (symbol TEXT PRIMARY KEY, price TEXT NOT NULL) STRICT, WITHOUT ROWID;
INSERT INTO "peak_prices" VALUES('AAAUSDT','104.2');
INSERT INTO "peak_prices" VALUES('BBBUSDT','39.46');
CREATE TABLE positions (
        id INTEGER PRIMARY KEY,
        symbol TEXT NOT NULL UNIQUE,
        base_asset TEXT NOT NULL,
        quote_asset TEXT NOT NULL CHECK (quote_asset <> base_asset),
        quantity TEXT NOT NULL,
        cost TEXT NOT NULL,
        realized TEXT NOT NULL,
        opened_ms INTEGER NOT NULL,
        updated_ms INTEGER NOT NULL
    ) STRICT;
INSERT INTO "positions" VALUES(1,'AAAUSDT','AAA','USDT','4.853261','500.143302562562562377','0.851532242562562377',1735690021030,1735690141030);
INSERT INTO "positions" VALUES(2,'BBBUSDT','BBB','USDT','12.66212','500.274247434406533218','-0.130668565593466782',1735690021030,1735690261070);
CREATE TABLE risk_state (
        id INTEGER PRIMARY KEY CHECK (id = 1),
        peak_equity TEXT NOT NULL,
        day INTEGER NOT NULL,
        day_start_equity TEXT NOT NULL,
        loss_streak INTEGER NOT NULL CHECK (loss_streak >= 0),
        entries_paused_until_ms INTEGER NOT NULL,
        armed_ms INTEGER NOT NULL
    ) STRICT;
INSERT INTO "risk_state" VALUES(1,'10006.28702328',20089,'10000',1,0,1735689961020);
CREATE TABLE wallet_balances (asset TEXT PRIMARY KEY, amount TEXT NOT NULL) STRICT, WITHOUT ROWID;
INSERT INTO "wallet_balances" VALUES('AAA','4.853261');
INSERT INTO "wallet_balances" VALUES('BBB','12.66212');
INSERT INTO "wallet_balances" VALUES('USDT','9000.30331368');
CREATE INDEX orders_by_state ON orders (state);
CREATE INDEX orders_by_exchange_id ON orders (symbol, order_id);
CREATE INDEX order_events_by_order ON order_events (client_order_id, id);
CREATE INDEX fills_by_order ON fills (symbol, order_id);
CREATE INDEX ledger_postings_by_transaction ON ledger_postings (transaction_id);
CREATE INDEX mode_changes_by_scope ON mode_changes (scope, id);
CREATE TRIGGER order_events_never_change BEFORE UPDATE ON order_events BEGIN SELECT RAISE(ABORT, 'order_events is append-only'); END;
CREATE TRIGGER order_events_never_delete BEFORE DELETE ON order_events BEGIN SELECT RAISE(ABORT, 'order_events is append-only'); END;
CREATE TRIGGER fills_never_change BEFORE UPDATE ON fills BEGIN SELECT RAISE(ABORT, 'fills is append-only'); END;
CREATE TRIGGER fills_never_delete BEFORE DELETE ON fills BEGIN SELECT RAISE(ABORT, 'fills is append-only'); END;
CREATE TRIGGER ledger_transactions_never_change BEFORE UPDATE ON ledger_transactions BEGIN SELECT RAISE(ABORT, 'ledger_transactions is append-only'); END;
CREATE TRIGGER ledger_transactions_never_delete BEFORE DELETE ON ledger_transactions BEGIN SELECT RAISE(ABORT, 'ledger_transactions is append-only'); END;
CREATE TRIGGER ledger_postings_never_change BEFORE UPDATE ON ledger_postings BEGIN SELECT RAISE(ABORT, 'ledger_postings is append-only'); END;
CREATE TRIGGER ledger_postings_never_delete BEFORE DELETE ON ledger_postings BEGIN SELECT RAISE(ABORT, 'ledger_postings is append-only'); END;
CREATE TRIGGER mode_changes_never_change BEFORE UPDATE ON mode_changes BEGIN SELECT RAISE(ABORT, 'mode_changes is append-only'); END;
CREATE TRIGGER mode_changes_never_delete BEFORE DELETE ON mode_changes BEGIN SELECT RAISE(ABORT, 'mode_changes is append-only'); END;
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('orders',9);
COMMIT;
