"""StatusPage: the one HTML page, shipped in the package, with a policy that lets nothing run but its own script."""

import base64
import hashlib
import re
from importlib import resources

PAGE_FILE = "status_page.html"


class StatusPage:
    """The page's text and its Content-Security-Policy, which names the page's script and style by their hashes."""

    def __init__(self) -> None:
        self.html = resources.files("binance_trade_agent.service").joinpath(PAGE_FILE).read_text(encoding="utf-8")
        self.policy = "; ".join(
            (
                "default-src 'none'",
                f"script-src {self._hash_of('script')}",
                f"style-src {self._hash_of('style')}",
                "connect-src 'self'",
                "img-src data:",
                "base-uri 'none'",
                "form-action 'none'",
                "frame-ancestors 'none'",
            )
        )

    def _hash_of(self, element: str) -> str:
        found = re.findall(rf"<{element}>(.*?)</{element}>", self.html, re.DOTALL)
        if len(found) != 1:
            raise ValueError(f"{PAGE_FILE} must hold exactly one <{element}> element without attributes")
        digest = hashlib.sha256(found[0].encode()).digest()
        return f"'sha256-{base64.b64encode(digest).decode()}'"
