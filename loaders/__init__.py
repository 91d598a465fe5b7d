"""To and from stores and files: Bolt, RDF, ATOMIC and SKD files."""
