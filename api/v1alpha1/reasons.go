package v1alpha1

// Reasons of the conditions Ready, Reconciling, Stalled and SourceVerified, beside those of the GitOps Toolkit
// (ReconciliationSucceeded, Progressing, ProgressingWithRetry).
const (
	// The repository.
	ReasonGitUnreachable = "GitUnreachable" // no answer, or not the answer of a Git server; retried
	ReasonGitAuth        = "GitAuth"        // the server refuses the credentials; retried
	ReasonGitRefNotFound = "GitRefNotFound" // no such branch, tag or commit; retried
	ReasonGitEmpty       = "GitEmpty"       // the repository has no commit; retried
	ReasonURLRefused     = "URLRefused"     // the URL's scheme or host is not allowed; the Delivery must change
	ReasonRefRefused     = "RefRefused"     // the branch, tag or commit is malformed; the Delivery must change
	ReasonGitProtocol    = "GitProtocol"    // the answer is not Git, or is cut off or corrupt; retried
	ReasonTreeRefused    = "TreeRefused"    // a symlink, a submodule or a path that leaves the tree
	ReasonTreeTooLarge   = "TreeTooLarge"   // more or larger files than a spec has

	// Who signed it, where spec.git.verify asks. Nothing of such a revision is evaluated or applied.
	ReasonSignatureMissing = "SignatureMissing" // the commit or the tag is not signed
	ReasonSignatureInvalid = "SignatureInvalid" // not signed by somebody who may, or changed since
	ReasonVerifyRefused    = "VerifyRefused"    // what is to be verified cannot be; the Delivery must change

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
	ReasonAddressInvalid   = "AddressInvalid"   // of a store, in the spec
	ReasonStoreUnreachable = "StoreUnreachable" // no answer
	ReasonStoreLoading     = "StoreLoading"     // reads its data from disk
	ReasonStoreReadOnly    = "StoreReadOnly"    // a replica, or too few replicas to write
	ReasonStoreFull        = "StoreFull"        // out of memory
	ReasonStoreDenied      = "StoreDenied"      // the password or the ACL refuses
	ReasonStoreFailing     = "StoreFailing"     // cannot persist and refuses writes
	ReasonStoreBusy        = "StoreBusy"        // runs somebody's long script
	ReasonStoreUnsupported = "StoreUnsupported" // lacks a command that is needed
	ReasonStoreRestarted   = "StoreRestarted"   // in the middle of every pass
	ReasonStoreChanged     = "StoreChanged"     // emptied, or another store than the one recorded
	ReasonStoreOwned       = "StoreOwned"       // another system owns some of the keys
	ReasonStoreRefused     = "StoreRefused"     // any other error answer
	ReasonKeyspaceHeld     = "KeyspaceHeld"     // somebody else works on it
	ReasonLeaseLost        = "LeaseLost"        // expired, or taken over
	ReasonLedgerMoved      = "LedgerMoved"      // somebody else wrote the ledger; planned anew
	ReasonLedgerTooNew     = "LedgerTooNew"     // written by a newer program
	ReasonLedgerUnreadable = "LedgerUnreadable" // not a ledger
	ReasonNotConverging    = "NotConverging"    // something keeps writing the old version, or undoes what was done
	ReasonReplicasBehind   = "ReplicasBehind"   // did not acknowledge in time
	ReasonTransformRefused = "TransformRefused" // shapes or migrations cannot be compiled
	ReasonMigrationMissing = "MigrationMissing" // no version, or no path to it

	// Backups and undo logs. Nothing is written that needs one and has none.
	ReasonStateMissing      = "StateMissing"      // no durable place for them is named, or an undo log is gone from it
	ReasonUnbearable        = "Unbearable"        // the store's server has no memory, rights or room for a rewrite
	ReasonStateInvalid      = "StateInvalid"      // what --state names is no place for them
	ReasonStateUnreachable  = "StateUnreachable"  // the place cannot be reached or written
	ReasonStateFull         = "StateFull"         // no room there
	ReasonJournalFailed     = "JournalFailed"     // an undo log could not be written
	ReasonArchiveMissing    = "ArchiveMissing"    // or a part of it
	ReasonArchiveIncomplete = "ArchiveIncomplete" // it was never finished
	ReasonArchiveDamaged    = "ArchiveDamaged"    // it is not what was written
	ReasonArchiveTooNew     = "ArchiveTooNew"     // written by a newer program
	ReasonArchiveForeign    = "ArchiveForeign"    // of another store or keyspace

	// The cluster.
	ReasonClusterUnreachable  = "ClusterUnreachable"  // the API server does not answer, or not in time
	ReasonClusterDenied       = "ClusterDenied"       // the controller's rights do not suffice
	ReasonClusterRefused      = "ClusterRefused"      // the API server accepts no such change
	ReasonWorkloadMissing     = "WorkloadMissing"     // a component's workload does not exist
	ReasonLeftStopped         = "LeftStopped"         // a component was taken out of the spec while it was stopped
	ReasonWorkloadUnsupported = "WorkloadUnsupported" // of a kind that cannot be rolled out
	ReasonRecordsDamaged      = "RecordsDamaged"      // the mirror of the ledgers is not what was saved
	ReasonRolloutStuck        = "RolloutStuck"        // pods of the old release stay, or new ones do not become ready
	ReasonImageOwnedBy        = "ImageOwnedBy"        // another manager would put the old image back
	ReasonReplicasOwnedBy     = "ReplicasOwnedBy"     // another manager would start again what is stopped
	ReasonStoppedByOther      = "StoppedByOther"      // another system has stopped a component's workload

	// The plan. Parts of a system that are blocked do not hold the others; the message has the reason and the way out.
	ReasonNoSafeOrder      = "NoSafeOrder"      // no order of rollouts and rewrites keeps every moment readable
	ReasonSearchLimit      = "SearchLimit"      // too many coupled objects: no order was found within bounds
	ReasonNotBuilt         = "NotBuilt"         // the spec asks for what this version cannot do yet
	ReasonStillUsed        = "StillUsed"        // what runs uses a keyspace that was taken out of the spec and is to be deleted
	ReasonUnfitUnits       = "UnfitUnits"       // units that fit no version block a step
	ReasonUnknownRelease   = "UnknownRelease"   // the desired release is not declared
	ReasonUnknownImage     = "UnknownImage"     // a live image that no release names
	ReasonStoreUndefined   = "StoreUndefined"   // a keyspace's store has no connection
	ReasonNoProgress       = "NoProgress"       // planning again and again led nowhere
	ReasonAwaitingApproval = "AwaitingApproval" // a person must approve the plan, as a Plan says
	ReasonQuarantined      = "Quarantined"      // a step failed, and nothing has changed since: spec or force
	ReasonRolledBack       = "RolledBack"       // a step failed, and its part went back to what was applied before
	ReasonWindowClosed     = "WindowClosed"     // what is left waits for a maintenance window
	ReasonGateClosed       = "GateClosed"       // what is left waits for a gate of the policy to hold
	ReasonImageMissing     = "ImageMissing"     // an image that a plan with a rewrite may need cannot be pulled
	ReasonSoakFailed       = "SoakFailed"       // pods were not ready, or a gate did not hold, while a step was watched after its end
	ReasonNotReady         = "NotReady"         // pods that use a keyspace are not ready, so it is not rewritten yet
	ReasonNotDrained       = "NotDrained"       // old units are neither consumed nor expired yet
	ReasonUnreadable       = "Unreadable"       // a running release may meet units it cannot read, and no step mends it
	ReasonStepFailed       = "StepFailed"       // a step ended with an error that has no reason of its own
	ReasonInterrupted      = "Interrupted"      // the Delivery or its revision changed during a run; planned anew

	// The Delivery itself.
	ReasonAccessDenied    = "AccessDenied"    // the spec names a workload of another namespace
	ReasonDeliveryInvalid = "DeliveryInvalid" // a field of its spec cannot be used; the Delivery must change
	ReasonInternal        = "InternalError"   // a bug; the message says where
)

// Reasons of events, beside those of the conditions.
const (
	EventPlanned     = "Planned"     // a plan was made; the message has its digest and its steps
	EventStepStarted = "StepStarted" // a step of it starts
	EventStepEnded   = "StepEnded"   // a step of it has succeeded
	EventStepFailed  = "StepFailed"  // a step of it has failed
	EventGateClosed  = "GateClosed"  // gates of a step that runs do not hold: a rewrite pauses

	EventImagesUnclear = "ImagesUnclear" // nobody knows whether images can be pulled that a plan may need; it goes on
)
