"""The answers that Binance's documents show, and the comparison of a decoded answer with one of them."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

GOLDEN: dict[str, list[Any]] = json.loads((Path(__file__).parent / "golden_answers.json").read_text())


def assert_same(decoded: Any, golden: Any, where: str = "$") -> None:
    """Every value of the documents' answer is in the decoded one, amounts to the last digit."""
    if isinstance(golden, list):
        assert len(decoded) == len(golden), where
        for index, (ours, theirs) in enumerate(zip(decoded, golden, strict=True)):
            assert_same(ours, theirs, f"{where}[{index}]")
    elif isinstance(golden, dict):
        names = dict(zip(decoded.__struct_encode_fields__, decoded.__struct_fields__, strict=True))
        for name, value in golden.items():
            if name != "M":  # the documents give it no meaning any more
                assert_same(getattr(decoded, names[name]), value, f"{where}.{name}")
    elif isinstance(decoded, Decimal):
        assert str(decoded) == str(Decimal(golden)), where
    else:
        assert decoded == golden, where
