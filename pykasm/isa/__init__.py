"""The machine as the encoder sees it: registers, statements, code and its encoded form."""
