package v1alpha1

// GitVerification says what of a repository must be signed, and by whom, before anything of it is evaluated or applied.
type GitVerification struct {
	// Mode: HEAD, the commit; Tag, the annotated tag that ref.tag names; TagAndHEAD, both. A Delivery whose mode needs a tag
	// goes back by an earlier ref.tag, not by spec.rollback.
	// +kubebuilder:validation:Enum=HEAD;Tag;TagAndHEAD
	// +kubebuilder:default:=HEAD
	// +optional
	Mode VerifyMode `json:"mode,omitempty"`

	// SecretRef names a Secret in the Delivery's namespace with the public keys of those who may sign. Every entry is a
	// file of keys, whatever its name: armored PGP keys (gpg --export --armor), or SSH keys, a line each (as in a .pub file).
	// +required
	SecretRef SecretReference `json:"secretRef"`
}

// VerifyMode says what must be signed.
type VerifyMode string

// The modes of a GitVerification.
const (
	VerifyHEAD       VerifyMode = "HEAD"
	VerifyTag        VerifyMode = "Tag"
	VerifyTagAndHEAD VerifyMode = "TagAndHEAD"
)

// SourceVerifiedCondition is True while the revision that was attempted last is signed as spec.git.verify demands, False if
// it is not, with a reason, and Unknown as long as nobody can tell. It is absent without spec.git.verify.
const SourceVerifiedCondition = "SourceVerified"
