"""Security: which clients ask too often, look for what is not there, or send what should break something."""
