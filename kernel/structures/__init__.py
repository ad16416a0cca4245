"""Lists and search trees whose links lie in what they hold."""
