package gateway

// admit reserves what the request may consume and notes that it is on its way:
// from here on a crash cannot lose it. No limits are configured yet, so the
// note is all.
func (x *exchange) admit() error {
	e := x.event // the open record has the estimate; the settled one will not
	e.Quantities, e.Source = x.estimate()
	e.ConnectionID = x.plan[0].connection.ID
	if err := x.g.Recorder.Open(e); err != nil {
		x.unrecorded = true
		return errUnavailable(err)
	}
	x.opened = true
	return nil
}
