"""Pages people read: a result becomes one HTML file that needs nothing else. Pure: plain data in, text out."""
