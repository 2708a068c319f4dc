"""What the longer pages draw, section by section; the pages themselves choose what is looked at."""
