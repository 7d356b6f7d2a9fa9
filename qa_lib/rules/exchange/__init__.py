"""Rules in other languages: YAML, react-querybuilder and JSON-Logic, in and out."""
