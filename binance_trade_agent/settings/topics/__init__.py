"""Topics: the settings themselves, one class for each thing that an operator decides on; the catalogue makes one class of them."""
