package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// GroupVersion is the API group and version of this package.
var GroupVersion = schema.GroupVersion{Group: "keyshift.dev", Version: "v1alpha1"}

// DeliveryKind is the kind of a Delivery.
const DeliveryKind = "Delivery"

// AddToScheme makes the types of this package known to a scheme.
func AddToScheme(s *runtime.Scheme) error {
	s.AddKnownTypes(GroupVersion, &Delivery{}, &DeliveryList{}, &Plan{}, &PlanList{})
	metav1.AddToGroupVersion(s, GroupVersion)
	return nil
}
