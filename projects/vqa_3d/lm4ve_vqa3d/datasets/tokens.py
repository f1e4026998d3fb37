"""How SQA3D's texts become words.

Between spaces and nowhere else: case and commas stay. The reference uses
spaCy's tokenizer without rules, which makes one more token of the further
spaces where several meet.
"""

import re

MAX_TOKENS = 100
_PIECES = re.compile(r' +|[^ ]+')


def tokenize(text: str) -> list[str]:
    """Split a text; a question mark and a full stop stand alone."""
    text = text.replace('?', ' ?').replace('.', ' .')
    tokens = []
    for piece in _PIECES.findall(text):
        # One space ends the word before it; at the start there is none.
        rest = piece[1:] if piece[0] == ' ' and tokens else piece
        if rest:
            tokens.append(rest)
    return tokens
