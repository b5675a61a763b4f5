"""The REST face: endpoints, security and limits, in process and over HTTP."""
