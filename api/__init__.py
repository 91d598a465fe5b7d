"""Every way in: command line, HTTP, web page. The only place that knows all parts."""
