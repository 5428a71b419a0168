package store

// On returns options for a database on another layer under SQLite, which syncs
// otherwise; "" leaves either as it is.
func (o Options) On(vfs, synchronous string) Options {
	o.vfs, o.synchronous = vfs, synchronous
	return o
}
