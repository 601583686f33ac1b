// Dials argv[1] with crypto/tls and fails: the ClientHello is what is wanted. Run by make_client_hellos.py.
//
//	go_client ADDRESS NAME KIND [ECHCONFIGLIST, base64]
package main

import (
	"crypto/tls"
	"encoding/base64"
	"log"
	"os"
)

func main() {
	config := &tls.Config{ServerName: os.Args[2], InsecureSkipVerify: true}
	switch os.Args[3] {
	case "default":
		config.NextProtos = []string{"h2", "http/1.1"}
	case "no-post-quantum":
		config.CurvePreferences = []tls.CurveID{tls.X25519, tls.CurveP256}
	case "tls12":
		config.MaxVersion = tls.VersionTLS12
	case "ech":
		list, err := base64.StdEncoding.DecodeString(os.Args[4])
		if err != nil {
			log.Fatal(err)
		}
		config.EncryptedClientHelloConfigList = list
		config.MinVersion = tls.VersionTLS13
		config.InsecureSkipVerify = false
	default:
		log.Fatal("unknown kind ", os.Args[3])
	}
	if connection, err := tls.Dial("tcp", os.Args[1], config); err == nil {
		connection.Close()
	}
}
