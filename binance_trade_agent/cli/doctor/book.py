"""The check-up of the book: read through as a backup is, also while the daemon writes it."""

from binance_trade_agent.cli.doctor.finding import Finding, failed, warning, well
from binance_trade_agent.domain.counts import counted
from binance_trade_agent.domain.errors import BookError
from binance_trade_agent.settings import Settings
from binance_trade_agent.storage.check_up import examine_book

MIB = 1024 * 1024


def examine(settings: Settings) -> tuple[Finding, int | None]:
    """What was found, and the account that the book was made with, None when there is none yet."""
    path = settings.book_path
    if not path.exists():
        return well("book", f"none yet at {path}; the first start makes it"), None
    try:
        book = examine_book(path)
    except BookError as error:
        return failed("book", error), None
    size = f"{counted(book.orders, 'order')} and {counted(book.fills, 'fill')} in {book.file_bytes / MIB:.1f} MiB"
    if book.is_of_an_older_version:
        older = f"{path}: the file is sound, {size}; of schema version {book.schema_version}, which the next start brings up to date"
        return warning("book", older), book.account_uid
    return well("book", f"{path} is sound: {size}"), book.account_uid
