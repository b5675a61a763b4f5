"""Groups of typed calls over a RestCaller, one module for each subject of rest-api.md."""
