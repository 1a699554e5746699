"""Inside the door: chunks, columns, pages, positions, and the Faust transport that moves them."""
