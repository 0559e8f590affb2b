package reconciler

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"keyshift.dev/api/v1alpha1"
	"keyshift.dev/cluster"
	"keyshift.dev/state"
)

// Records keep one blob; cluster.Records does so in ConfigMaps.
type Records interface {
	// Load returns the blob, and whether there is one.
	Load(ctx context.Context) ([]byte, bool, error)
	// Save replaces it as one.
	Save(ctx context.Context, blob []byte) error
}

// mirror keeps the ledgers of a Delivery's systems in its records. It implements apply.Mirror.
type mirror struct {
	records Records
	last    *mirrored // what was read last; nil if nobody remembers it
}

// mirrored is a blob of records, and what it says.
type mirrored struct {
	blob    []byte
	ledgers []state.Ledger
}

// Load returns the ledgers of a system.
func (m mirror) Load(ctx context.Context, system string) ([]state.Ledger, error) {
	all, err := m.load(ctx)
	return slices.DeleteFunc(slices.Clone(all), func(l state.Ledger) bool { return l.System != system }), err
}

// Save replaces the ledgers of a system. Those of others stay: a Delivery may have had another path before.
func (m mirror) Save(ctx context.Context, system string, ledgers []state.Ledger) error {
	all, err := m.load(ctx)
	if err != nil {
		return err
	}
	others := slices.DeleteFunc(slices.Clone(all), func(l state.Ledger) bool { return l.System == system })
	blob, err := json.Marshal(append(others, ledgers...))
	if err != nil {
		return fmt.Errorf("mirror of the ledgers: %w", err)
	}
	return m.records.Save(ctx, blob)
}

func (m mirror) load(ctx context.Context) ([]state.Ledger, error) {
	blob, found, err := m.records.Load(ctx)
	if err != nil || !found {
		return nil, err
	}
	if m.last != nil && bytes.Equal(m.last.blob, blob) {
		return m.last.ledgers, nil
	}
	var all []state.Ledger
	if err := json.Unmarshal(blob, &all); err != nil {
		return nil, damaged(fmt.Errorf("it does not parse: %w", err))
	}
	for _, l := range all {
		if l.Format > state.LedgerFormat {
			return nil, damaged(fmt.Errorf("it has format %d and this program knows %d", l.Format, state.LedgerFormat))
		}
	}
	if m.last != nil {
		*m.last = mirrored{blob, all}
	}
	return all, nil
}

func damaged(err error) error {
	return &cluster.Error{Reason: cluster.Damaged, Object: "mirror of the ledgers", Err: err,
		Hint: "run the newest keyshift that ran here before, or delete the ConfigMap to start afresh"}
}

// recordsName names a Delivery's records. It is short enough for a label.
func recordsName(delivery string) string {
	const prefix, room = "keyshift-ledger-", 63
	if len(prefix)+len(delivery) <= room {
		return prefix + delivery
	}
	sum := sha256.Sum256([]byte(delivery))
	return prefix + hex.EncodeToString(sum[:])[:32]
}

// owner makes a Delivery the owner of what is deleted with it.
func owner(d *v1alpha1.Delivery) metav1.OwnerReference {
	yes := true
	return metav1.OwnerReference{APIVersion: v1alpha1.GroupVersion.String(), Kind: v1alpha1.DeliveryKind, Name: d.Name, UID: d.UID, Controller: &yes}
}
