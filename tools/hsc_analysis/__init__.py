"""Analysis beside the package: contact sheets, tables of many runs."""
