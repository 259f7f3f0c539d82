package sequencer

// Flying is how many entries are on their way to the disk.
func (l *Log) Flying() int64 { return l.flying.Load() }
