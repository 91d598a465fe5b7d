r"""One field of a TSV file: any text, on one line and without a tab.

A text stands as it is. Only one that holds a tab, a line break or a NUL, or that begins with \" or with a byte order
mark, is written as a backslash and the text as a JSON string: \"first line\nsecond line". So backslashes and quotes
of other people's files mean themselves.
"""

import json
import re

_UNFIT = re.compile(r'[\t\n\r\0]|\A(?:\\"|\ufeff)')


def encode(text: str) -> str:
    """The field for a text."""
    return "\\" + json.dumps(text, ensure_ascii=False) if _UNFIT.search(text) else text


def decode(field: str) -> str:
    """The text of a field; one that only looks encoded stands for itself."""
    if field.startswith('\\"'):
        try:
            return str(json.loads(field[1:]))
        except ValueError:
            return field
    return field
