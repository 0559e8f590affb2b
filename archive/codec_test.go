package archive

import (
	"bytes"
	"errors"
	"io"
	"reflect"
	"testing"

	"pgregory.net/rapid"

	"keyshift.dev/keyspace"
)

func TestEntriesComeBackToTheByte(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := anyEntry().Draw(t, "entry")
		got, err := decodeEntry(appendEntry(nil, &want))
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("%+v, %v, want %+v", got, err, want)
		}
	})
}

func TestPreimagesComeBackToTheByte(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := anyPreimage().Draw(t, "pre-image")
		got, err := decodePreimage(appendPreimage(nil, &want))
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("%+v, %v, want %+v", got, err, want)
		}
	})
}

// part makes a whole part of an undo log.
func part(list []keyspace.Preimage) []byte {
	data := appendHeader(nil, Undo)
	for i := range list {
		start := len(data)
		data = appendPreimage(beginRecord(data), &list[i])
		endRecord(data[start:], 0)
	}
	return data
}

// TestAHarmedPartNeverGivesAWrongRecord cuts, flips and inserts anywhere: every record that is read all the same is
// the one that was written at its place, and a flip or an insertion that the reader does not refuse lost nothing but an end.
func TestAHarmedPartNeverGivesAWrongRecord(t *testing.T) {
	want := images(0, 20)
	whole := part(want)
	rapid.Check(t, func(t *rapid.T) {
		data := bytes.Clone(whole)
		at := rapid.IntRange(0, len(data)-1).Draw(t, "at")
		harm := rapid.SampledFrom([]string{"cut", "flip", "insert", "remove"}).Draw(t, "harm")
		switch harm {
		case "cut":
			data = data[:at]
		case "flip":
			data[at] ^= 1 << rapid.IntRange(0, 7).Draw(t, "bit")
		case "insert":
			data = bytes.Join([][]byte{data[:at], rapid.SliceOfN(rapid.Byte(), 1, 30).Draw(t, "bytes"), data[at:]}, nil)
		case "remove":
			data = append(data[:at], data[at+1:]...)
		}
		places, err := index("part", data, Undo, true)
		if e, ok := errors.AsType[*Error](err); err != nil && (!ok || e.Reason != ArchiveDamaged && e.Reason != ArchiveTooNew) {
			t.Fatal(err)
		}
		if err == nil && harm == "flip" {
			t.Fatalf("byte %d was flipped and nobody noticed", at)
		}
		for i, p := range places {
			got, err := decodePreimage(data[p.start : p.start+p.length])
			if err != nil || i >= len(want) || !reflect.DeepEqual(got, want[i]) {
				t.Fatalf("record %d is %+v, %v", i, got, err)
			}
		}
		if _, err := index("part", data, Undo, false); err == nil && !bytes.Equal(data, whole) && harm != "cut" {
			t.Fatalf("%s at %d went unnoticed", harm, at)
		}
	})
}

// TestAFlippedBitNamesPartAndRecord flips each bit of the middle record of a part.
func TestAFlippedBitNamesPartAndRecord(t *testing.T) {
	data := part(images(0, 3))
	places, err := index("here/part-00000001", data, Undo, false)
	if err != nil {
		t.Fatal(err)
	}
	for at := places[1].start - frameBytes; at < places[1].start+places[1].length; at++ {
		for bit := range 8 {
			data[at] ^= 1 << bit
			_, err := index("here/part-00000001", data, Undo, true)
			e, ok := errors.AsType[*Error](err)
			if !ok || e.Reason != ArchiveDamaged || e.Where != "here/part-00000001" || !bytes.Contains([]byte(e.Error()), []byte("record 2:")) {
				t.Fatalf("byte %d, bit %d: %v", at, bit, err)
			}
			data[at] ^= 1 << bit
		}
	}
}

// TestUnwrittenSectorsAreATornEnd makes what a crash of the machine makes: the length is there, a sector is not.
func TestUnwrittenSectorsAreATornEnd(t *testing.T) {
	want := images(0, 40)
	data := part(want)
	places, err := index("part", data, Undo, true)
	if err != nil {
		t.Fatal(err)
	}
	for hole := sectorBytes; hole < len(data); hole += sectorBytes {
		harmed := bytes.Clone(data)
		clear(harmed[hole:min(hole+sectorBytes, len(data))])
		intact := 0
		for _, p := range places {
			if p.start+p.length <= hole {
				intact++
			}
		}
		got, err := index("part", harmed, Undo, true)
		if err != nil || len(got) != intact {
			t.Fatalf("hole at %d: %d records, %v, want %d", hole, len(got), err, intact)
		}
		if _, err := index("part", harmed, Undo, false); err == nil {
			t.Fatalf("hole at %d went unnoticed in a part that was finished", hole)
		}
	}
}

func TestANewerFormatIsRefused(t *testing.T) {
	data := part(images(0, 1))
	data[len(magic)] = Format + 1
	_, err := index("part", data, Undo, true)
	if e, ok := errors.AsType[*Error](err); !ok || e.Reason != ArchiveTooNew {
		t.Fatal(err)
	}
	for _, text := range []string{`{"format": 2}`, `{"format": 1, "encryption": "age"}`} {
		_, err := decodeManifest("manifest", []byte(text))
		if e, ok := errors.AsType[*Error](err); !ok || e.Reason != ArchiveTooNew {
			t.Fatalf("%s: %v", text, err)
		}
	}
}

// FuzzPart gives the readers anything: they end, without a panic, and agree on how far a part can be read.
func FuzzPart(f *testing.F) {
	f.Add(part(images(0, 3)))
	f.Add([]byte(magic))
	f.Fuzz(func(t *testing.T, data []byte) {
		places, err := index("part", data, Undo, false)
		for _, p := range places {
			image, err := decodePreimage(data[p.start : p.start+p.length])
			if err == nil {
				again, err := decodePreimage(appendPreimage(nil, &image))
				if err != nil || !reflect.DeepEqual(again, image) {
					t.Fatalf("%+v, %v, want %+v", again, err, image)
				}
			}
		}
		if len(data) < headerBytes {
			return
		}
		r := records{from: bytes.NewReader(data[headerBytes:])}
		n := 0
		var end error
		for end == nil {
			if _, end = r.next(); end == nil {
				n++
			}
		}
		if err == nil && (end != io.EOF || n != len(places)) {
			t.Fatalf("one reader found %d records, the other %d, %v", len(places), n, end)
		}
	})
}

// FuzzPayload gives the decoders any payload.
func FuzzPayload(f *testing.F) {
	one := images(0, 1)[0]
	f.Add(appendPreimage(nil, &one))
	f.Add(appendEntry(nil, &keyspace.Entry{Key: "a", Elements: []string{"b"}}))
	f.Fuzz(func(t *testing.T, data []byte) {
		if e, err := decodeEntry(data); err == nil {
			again, err := decodeEntry(appendEntry(nil, &e))
			if err != nil || !reflect.DeepEqual(again, e) {
				t.Fatalf("%+v, %v, want %+v", again, err, e)
			}
		}
		_, _ = decodePreimage(data)
	})
}
