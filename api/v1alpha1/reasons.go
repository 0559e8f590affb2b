package v1alpha1

// Reasons of the conditions Ready, Reconciling and Stalled, beside those of the GitOps Toolkit
// (ReconciliationSucceeded, Progressing, ProgressingWithRetry).
const (
	// The repository.
	ReasonGitUnreachable = "GitUnreachable" // no answer, or not the answer of a Git server; retried
	ReasonGitAuth        = "GitAuth"        // the server refuses the credentials; retried
	ReasonGitRefNotFound = "GitRefNotFound" // no such branch, tag or commit; retried
	ReasonGitEmpty       = "GitEmpty"       // the repository has no commit; retried
	ReasonURLRefused     = "URLRefused"     // the URL's scheme or host is not allowed; the Delivery must change
	ReasonTreeRefused    = "TreeRefused"    // a symlink, a submodule or a path that leaves the tree
	ReasonTreeTooLarge   = "TreeTooLarge"   // more or larger files than a spec has

	// The Secrets.
	ReasonSecretNotFound = "SecretNotFound" // a Secret that the Delivery or the spec names is not there
	ReasonSecretInvalid  = "SecretInvalid"  // a Secret lacks a key, or holds what cannot be read

	// The spec in the repository.
	ReasonSpecInvalid       = "SpecInvalid"       // the message names file, line and column
	ReasonEvaluationTimeout = "EvaluationTimeout" // the evaluation was killed: it took too long
	ReasonEvaluationMemory  = "EvaluationMemory"  // the evaluation was killed: it took too much memory
	ReasonEvaluationOutput  = "EvaluationOutput"  // the evaluation was killed: the system is too large
	ReasonEvaluationFailed  = "EvaluationFailed"  // the evaluation ended without a result

	// The stores.
	ReasonStoreUnreachable = "StoreUnreachable" // no answer
	ReasonStoreLoading     = "StoreLoading"     // reads its data from disk, or waits for its primary
	ReasonStoreReadOnly    = "StoreReadOnly"    // a replica, or told to refuse writes
	ReasonStoreFull        = "StoreFull"        // out of memory
	ReasonStoreDenied      = "StoreDenied"      // the password or the ACL refuses
	ReasonStoreChanged     = "StoreChanged"     // emptied, or another store than the one recorded
	ReasonStoreUnsupported = "StoreUnsupported" // cannot do what a rewrite needs
	ReasonStoreFailed      = "StoreFailed"      // any other error of a store
	ReasonKeyspaceHeld     = "KeyspaceHeld"     // somebody else works on it, or owns it
	ReasonLeaseLost        = "LeaseLost"        // somebody else took it over
	ReasonLedgerMoved      = "LedgerMoved"      // somebody else wrote the ledger
	ReasonLedgerNewer      = "LedgerNewer"      // written by a newer program

	// The cluster.
	ReasonClusterUnavailable = "ClusterUnavailable" // the API server does not answer, or answers with an error
	ReasonClusterDenied      = "ClusterDenied"      // the controller's rights do not suffice
	ReasonRolloutStuck       = "RolloutStuck"       // pods of the old release stay, or new ones do not become ready

	// The plan.
	ReasonPlanBlocked     = "PlanBlocked"     // no safe order; the message is the counterexample and the ways out
	ReasonPlanHeld        = "PlanHeld"        // something must be settled by a person first
	ReasonUnfitUnits      = "UnfitUnits"      // units that fit no version block a step
	ReasonUnknownImage    = "UnknownImage"    // a live image that no release names
	ReasonImageOwnedBy    = "ImageOwnedBy"    // another manager puts the old image back
	ReasonWorkloadMissing = "WorkloadMissing" // a component's workload does not exist
	ReasonStepFailed      = "StepFailed"      // a step ended with an error that has no reason of its own
	ReasonInterrupted     = "Interrupted"     // the Delivery changed during a run; planned anew

	// The Delivery itself.
	ReasonDeliveryInvalid = "DeliveryInvalid" // a field of its spec cannot be used; the Delivery must change
	ReasonInternal        = "InternalError"   // a bug; the message says where
)
