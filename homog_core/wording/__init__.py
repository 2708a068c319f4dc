"""Every sentence, title and number that a person reads, made from the values of the packages below."""
