package keyspace

// askPosition asks how far a stream and its consumer groups are.
func askPosition(w *wire, key string) {
	w.ask("xinfo", "stream", key)
	w.ask("xinfo", "groups", key)
}

// takePosition takes how far a stream and its consumer groups are: two answers, whatever the first is.
func (e *Entry) takePosition(t *tape) error {
	about, err := t.list()
	groups, failed := t.list()
	if err != nil {
		return err
	}
	if e.LastID = named(about, "last-generated-id"); e.LastID == "" {
		return errForm
	}
	if failed != nil {
		return failed
	}
	for _, g := range groups {
		list, _ := g.([]any)
		e.Groups = append(e.Groups, Group{Name: named(list, "name"), LastID: named(list, "last-delivered-id")})
		if e.Groups[len(e.Groups)-1].LastID == "" {
			return errForm
		}
	}
	return nil
}

// named returns the text behind a name in a flat list of names and values.
func named(list []any, name string) string {
	for i := 0; i+1 < len(list); i += 2 {
		if list[i] == name {
			text, _ := list[i+1].(string)
			return text
		}
	}
	return ""
}
