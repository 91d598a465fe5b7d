"""The pages: what is served, and that nothing comes from elsewhere."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from api.routes_site import STATIC

PAGES = ["/", "/docs"]
SCRIPTS = sorted(p.name for p in STATIC.iterdir() if p.name.endswith(".js"))


class Page(HTMLParser):
    """Elements with their attributes, and text outside of scripts."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.inside: list[str] = []
        self.inline = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self.inside.append(tag)

    def handle_endtag(self, tag: str) -> None:
        while self.inside and self.inside.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        if self.inside and self.inside[-1] in ("script", "style"):
            self.inline += data.strip()

    def all(self, *tags: str) -> list[dict[str, str | None]]:
        return [attributes for tag, attributes in self.elements if tag in tags]


@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_whole_without_network_and_fits_its_own_policy(client: TestClient, path: str) -> None:
    response = client.get(path)
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'self'" in response.headers["content-security-policy"]
    assert "unsafe" not in response.headers["content-security-policy"]
    page = Page(response.text)
    assert page.inline == ""
    assert not [a for _, attributes in page.elements for a in attributes if a == "style" or a.startswith("on")]
    loaded = [a.get("src") or a.get("href") for a in page.all("script", "link", "img")]
    assert len(loaded) == 3
    for address in loaded:
        assert address
        assert address.startswith("/static/")
        assert client.get(address).status_code == 200


def test_every_file_of_the_pages_is_plain_and_from_here() -> None:
    for file in filter(Path.is_file, Path(str(STATIC)).iterdir()):  # not the editor of others in its folder
        text = file.read_text(encoding="utf-8")
        for address in re.findall(r"https?://[^\s\"'`)]+", text):
            assert address.startswith(("https://w3id.org/distilkg/", "http://www.w3.org/")), (file.name, address)


@pytest.mark.parametrize("name", SCRIPTS)
def test_no_script_makes_html_or_code_of_a_text(name: str) -> None:
    text = (STATIC / name).read_text(encoding="utf-8")
    assert not re.search(r"(inner|outer|insertAdjacent)HTML|document\.write|\beval\(|new Function|DOMParser", text)
    assert not re.search(r"\bhref\b\s*[:=]", text)


def test_every_field_has_a_label_and_every_label_its_field(client: TestClient) -> None:
    page = Page(client.get("/").text)
    ids = [a["id"] for _, a in page.elements if "id" in a]
    assert len(ids) == len(set(ids))
    labelled = {a.get("for") for a in page.all("label")}
    for field in page.all("input", "select", "textarea"):
        assert field["id"] in labelled or field["type"] == "checkbox"
    assert labelled - {None} <= set(ids)
    for _, attributes in page.elements:
        assert attributes.get("aria-labelledby", ids[0]) in ids
    assert page.all("html")[0]["lang"] == "en"
    assert {"/docs", "/health"} <= {a.get("href") for a in page.all("a")}


def test_the_script_asks_only_for_what_there_is(client: TestClient) -> None:
    page = Page(client.get("/").text)
    ids = {a["id"] for _, a in page.elements if "id" in a}
    script = (STATIC / "page.js").read_text(encoding="utf-8")
    assert set(re.findall(r'\$\("([^"]+)"\)', script)) <= ids
    for address in re.findall(r'(?:call|post)\("([^"]+)"', script):
        assert client.get(address).status_code in (200, 400, 405), address


def test_hostile_texts_reach_the_page_as_json_only(client: TestClient) -> None:
    response = client.get("/v1/triples", params={"head": "PersonX pays & leaves"})
    assert response.headers["content-type"] == "application/json"
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.json()["triples"][0]["tail"] == "to go home <script>alert(1)</script>"
