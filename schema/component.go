package schema

import (
	"cmp"
	"maps"
	"slices"

	"keyshift.dev/state"
)

type (
	rawComponent struct {
		Workload *state.Workload       `json:"workload"`
		External bool                  `json:"external"`
		Release  string                `json:"release"`
		Releases map[string]rawRelease `json:"releases"`
		Policy   *rawPolicy            `json:"policy"`
	}
	rawRelease struct {
		Images map[string]string            `json:"images"`
		Env    map[string]map[string]string `json:"env"`
		Uses   map[string]rawUse            `json:"uses"`
	}
	rawUse struct {
		Reads   state.Range   `json:"reads"`
		Writes  state.Version `json:"writes"`
		Updates state.Updates `json:"updates"`
	}
)

func (r *reader) readComponent(path []string, raw rawComponent) state.Component {
	c := state.Component{Name: path[2], Workload: raw.Workload, External: raw.External, Release: raw.Release, Pos: r.places.at(path)}
	if !raw.External || raw.Policy != nil {
		c.Policy = r.componentPolicy(sub(path, "policy"), raw.Policy)
	}
	for _, rel := range slices.SortedFunc(maps.Keys(raw.Releases), compareReleases) {
		c.Releases = append(c.Releases, r.readRelease(sub(path, "releases", rel), rel, raw.Releases[rel]))
	}
	return c
}

func (r *reader) readRelease(path []string, name string, raw rawRelease) state.Release {
	rel := state.Release{Name: name, Pos: r.places.at(path)}
	for _, container := range slices.Sorted(maps.Keys(raw.Images)) {
		rel.Images = append(rel.Images, state.Image{Container: container, Image: raw.Images[container]})
	}
	for _, container := range slices.Sorted(maps.Keys(raw.Env)) {
		for _, n := range slices.Sorted(maps.Keys(raw.Env[container])) {
			rel.Env = append(rel.Env, state.Env{Container: container, Name: n, Value: raw.Env[container][n]})
		}
	}
	for _, k := range slices.Sorted(maps.Keys(raw.Uses)) {
		u := raw.Uses[k]
		if u.Writes != "" && u.Updates == "" {
			u.Updates = state.UpdatesValue
		}
		rel.Uses = append(rel.Uses, state.Use{Keyspace: k, Reads: u.Reads, Writes: u.Writes, Updates: u.Updates, Pos: r.places.at(sub(path, "uses", k))})
	}
	return rel
}

// compareReleases orders release names by semver where both are, else by name.
func compareReleases(a, b string) int {
	if va, vb := state.Version(a), state.Version(b); va.Valid() && vb.Valid() {
		return va.Compare(vb)
	}
	return cmp.Compare(a, b)
}
