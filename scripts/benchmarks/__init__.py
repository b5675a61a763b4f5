"""What the project costs beside other libraries, measured in one run on one machine."""
