package keyspace

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"keyshift.dev/state"
)

// TestClaimedAtOnce lets systems claim the same keys at the same time: one gets them. Each had looked at the owners
// before its write, and nobody looked again, so all of them got them.
func TestClaimedAtOnce(t *testing.T) {
	conform(t, func(t *testing.T, s *server) {
		st, k := open(t, s), sessions()
		k.Store = st.name
		errs := make([]error, 8)
		var all sync.WaitGroup
		for i := range errs {
			all.Go(func() {
				for {
					errs[i] = st.WriteLedger(t.Context(), state.Ledger{}, ledger(fmt.Sprint("system", i), k))
					if !errors.Is(errs[i], ErrLedgerMoved) {
						return
					}
				}
			})
		}
		all.Wait()
		owners := 0
		for _, err := range errs {
			if err == nil {
				owners++
			} else {
				wantReason(t, err, StoreOwned)
			}
		}
		if ledgers, err := st.ReadLedgers(t.Context()); owners != 1 || len(ledgers) != 1 || err != nil {
			t.Errorf("%d systems own the keys, %d have a ledger: %v", owners, len(ledgers), err)
		}
	})
}
