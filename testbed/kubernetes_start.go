package testbed

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	_ "embed"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
)

// stages tell kwok how nodes and pods come to life and go.
//
//go:embed kubernetes_stages.yaml
var stages []byte

// startControlPlane starts everything in dir. A port that somebody took between our look and the server's
// start makes it try again.
func startControlPlane(bin map[string]string, dir string) (*ControlPlane, error) {
	var failed error
	for range 3 {
		c := &ControlPlane{Dir: dir, Kubeconfig: filepath.Join(dir, "kubeconfig")}
		err := c.startAll(bin)
		if err == nil {
			return c, nil
		}
		c.stop()
		failed = errors.Join(failed, err)
		if err := os.RemoveAll(filepath.Join(dir, "etcd")); err != nil {
			return nil, err
		}
	}
	return nil, fmt.Errorf("control plane (logs: %s): %w", dir, failed)
}

// startAll starts the servers in the order in which they need each other.
func (c *ControlPlane) startAll(bin map[string]string) error {
	token, err := c.writeKeys()
	if err != nil {
		return err
	}
	ports, err := freePorts(3)
	if err != nil {
		return err
	}
	if err := c.startStorage(bin, ports[0], ports[1]); err != nil {
		return err
	}
	if err := c.startServer(bin, ports[0], ports[2], token); err != nil {
		return err
	}
	return c.startControllers(bin)
}

func (c *ControlPlane) startStorage(bin map[string]string, client, peer int) error {
	url := fmt.Sprintf("http://127.0.0.1:%d", client)
	p, err := c.start(bin["etcd"], "--data-dir", c.file("etcd"),
		"--listen-client-urls", url, "--advertise-client-urls", url,
		"--listen-peer-urls", fmt.Sprintf("http://127.0.0.1:%d", peer), "--unsafe-no-fsync", "--log-level", "warn")
	if err != nil {
		return err
	}
	return p.until("etcd", 30*time.Second, func() error {
		conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", client))
		if err != nil {
			return err
		}
		return conn.Close()
	})
}

func (c *ControlPlane) startServer(bin map[string]string, storage, port int, token string) error {
	p, err := c.start(bin["kube-apiserver"],
		fmt.Sprintf("--etcd-servers=http://127.0.0.1:%d", storage), fmt.Sprintf("--secure-port=%d", port),
		"--bind-address=127.0.0.1", "--advertise-address=127.0.0.1", "--endpoint-reconciler-type=none",
		"--cert-dir="+c.file("certs"), "--token-auth-file="+c.file("tokens.csv"),
		"--service-account-key-file="+c.file("sa.pub"), "--service-account-signing-key-file="+c.file("sa.key"),
		"--service-account-issuer=https://kubernetes.default.svc", "--service-cluster-ip-range=10.96.0.0/16",
		"--authorization-mode=RBAC", "--disable-admission-plugins=ServiceAccount")
	if err != nil {
		return err
	}
	if err := c.connect(port, token); err != nil {
		return err
	}
	return p.until("kube-apiserver", time.Minute, func() error {
		_, err := c.Client.Discovery().RESTClient().Get().AbsPath("/readyz").DoRaw(context.Background())
		return err
	})
}

func (c *ControlPlane) startControllers(bin map[string]string) error {
	if err := os.WriteFile(c.file("stages.yaml"), stages, 0o644); err != nil {
		return err
	}
	_, err := c.start(bin["kube-controller-manager"], "--kubeconfig="+c.Kubeconfig, "--leader-elect=false", "--secure-port=0",
		"--service-account-private-key-file="+c.file("sa.key"), "--use-service-account-credentials=false",
		"--kube-api-qps=200", "--kube-api-burst=400",
		// On a busy machine kwok's heartbeats come late. A node that was not ready for a moment would leave its pods
		// not ready for good: a kubelet makes them ready again, kwok does not.
		"--node-monitor-grace-period=24h")
	if err != nil {
		return err
	}
	if _, err := c.start(bin["kube-scheduler"], "--kubeconfig="+c.Kubeconfig, "--leader-elect=false", "--secure-port=0"); err != nil {
		return err
	}
	p, err := c.start(bin["kwok"], "--manage-all-nodes", "--kubeconfig", c.Kubeconfig, "--config", c.file("stages.yaml"))
	if err != nil {
		return err
	}
	return c.addNode(p)
}

// addNode adds the node that pods are scheduled on and waits until kwok has made it ready.
func (c *ControlPlane) addNode(kwok *process) error {
	ctx := context.Background()
	capacity := corev1.ResourceList{
		corev1.ResourceCPU: resource.MustParse("32"), corev1.ResourceMemory: resource.MustParse("256Gi"), corev1.ResourcePods: resource.MustParse("1000"),
	}
	node := &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: "node", Annotations: map[string]string{"kwok.x-k8s.io/node": "fake"}},
		Status:     corev1.NodeStatus{Allocatable: capacity, Capacity: capacity},
	}
	if _, err := c.Client.CoreV1().Nodes().Create(ctx, node, metav1.CreateOptions{}); err != nil {
		return err
	}
	return kwok.until("kwok", time.Minute, func() error {
		node, err := c.Client.CoreV1().Nodes().Get(ctx, "node", metav1.GetOptions{})
		if err != nil {
			return err
		}
		for _, s := range node.Status.Conditions {
			if s.Type == corev1.NodeReady && s.Status == corev1.ConditionTrue && len(node.Spec.Taints) == 0 {
				return nil
			}
		}
		return errors.New("the node is not ready")
	})
}

// connect writes the kubeconfig of the administrator and opens the client. The server's certificate is its
// own and new, and the way to it is the loopback.
func (c *ControlPlane) connect(port int, token string) error {
	text := fmt.Sprintf(`apiVersion: v1
kind: Config
current-context: testbed
contexts: [{name: testbed, context: {cluster: testbed, user: admin}}]
clusters: [{name: testbed, cluster: {server: "https://127.0.0.1:%d", insecure-skip-tls-verify: true}}]
users: [{name: admin, user: {token: %q}}]
`, port, token)
	if err := os.WriteFile(c.Kubeconfig, []byte(text), 0o600); err != nil {
		return err
	}
	config, err := clientcmd.BuildConfigFromFlags("", c.Kubeconfig)
	if err != nil {
		return err
	}
	config.QPS, config.Burst = -1, -1
	c.Config = config
	c.Client, err = kubernetes.NewForConfig(config)
	return err
}

// writeKeys writes the pair that signs service account tokens, and the administrator's token, which it returns.
func (c *ControlPlane) writeKeys() (token string, err error) {
	if err := os.MkdirAll(c.Dir, 0o700); err != nil {
		return "", err
	}
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return "", err
	}
	public, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		return "", err
	}
	random := make([]byte, 16)
	if _, err := rand.Read(random); err != nil {
		return "", err
	}
	token = hex.EncodeToString(random)
	for name, content := range map[string][]byte{
		"sa.key":     pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}),
		"sa.pub":     pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public}),
		"tokens.csv": []byte(token + ",admin,admin,\"system:masters\"\n"),
	} {
		if err := os.WriteFile(c.file(name), content, 0o600); err != nil {
			return "", err
		}
	}
	return token, nil
}

func (c *ControlPlane) file(name string) string { return filepath.Join(c.Dir, name) }

// freePorts returns different loopback ports that nothing listened on a moment ago.
func freePorts(n int) ([]int, error) {
	ports := make([]int, n)
	for i := range ports {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer l.Close()
		ports[i] = l.Addr().(*net.TCPAddr).Port
	}
	return ports, nil
}
