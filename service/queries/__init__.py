"""Every read.  A query takes a connection first and gives plain, wire-ready shapes; the hottest
are `Lookup`s that the driver answers itself."""
