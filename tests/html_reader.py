"""What a browser would see of an HTML file."""

import re
from html.parser import HTMLParser


class Reader(HTMLParser):
    """What a browser would see: elements, attributes, texts, and the content of scripts and styles."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags, self.attributes, self.texts, self.raw = [], [], [], {"script": [], "style": []}
        self._inside = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self._inside = tag
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_endtag(self, tag):
        self._inside = ""

    def handle_data(self, data):
        self.raw.get(self._inside, self.texts).append(data)

    def values(self, name):
        return [value for _, found, value in self.attributes if found == name]


def loads_nothing(text: str) -> bool:
    """Whether no attribute and no style refers to anything outside the file."""
    read = Reader(text)
    references = [
        value for name in ("src", "href", "srcset", "action", "data", "poster") for value in read.values(name)
    ]
    styles = "".join(read.raw["style"]) + "".join(read.values("style"))
    return all(value.startswith("#") for value in references) and not re.search(r"url\(|@import|//", styles)
