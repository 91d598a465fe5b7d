"""From words to judged triples: teachers, prompts, parsing, patterns, critics."""
