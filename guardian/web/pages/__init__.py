"""One file a page. Each has `routes(site)`; `app.py` puts them together."""
