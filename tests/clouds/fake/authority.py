"""A certificate authority of its own, for programs that ask the cloud's real hosts through the fake as their proxy."""

import datetime
import ssl
import tempfile
import threading
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

PEM, PKCS8, PLAIN = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()


class Authority:
    """Writes its certificate to `ca.pem` in a folder, and makes one for each host that is asked."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.now = datetime.datetime.now(datetime.timezone.utc)
        self.key, self.leaf = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "fake clouds")])
        usage = x509.KeyUsage(True, False, False, False, False, True, True, False, False)
        key_id = x509.SubjectKeyIdentifier.from_public_key(self.key.public_key())
        made = self.builder(name, name, self.key.public_key()).add_extension(x509.BasicConstraints(True, 0), True)
        self.certificate = made.add_extension(usage, True).add_extension(key_id, False).sign(self.key, hashes.SHA256())
        (folder / "ca.pem").write_bytes(self.certificate.public_bytes(PEM))
        self.contexts: dict[str, ssl.SSLContext] = {}
        self.lock = threading.Lock()

    def builder(self, subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
        day = datetime.timedelta(days=1)
        made = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key)
        made = made.serial_number(x509.random_serial_number())
        return made.not_valid_before(self.now - day).not_valid_after(self.now + 30 * day)

    def context(self, host: str) -> ssl.SSLContext:
        """What a server of this host would show."""
        with self.lock:
            if host not in self.contexts:
                self.contexts[host] = self.make(host)
            return self.contexts[host]

    def make(self, host: str) -> ssl.SSLContext:
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host[:60])])
        authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key())
        made = self.builder(subject, self.certificate.subject, self.leaf.public_key())
        made = made.add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), False)
        made = made.add_extension(x509.BasicConstraints(False, None), True).add_extension(authority, False)
        made = made.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False)
        certificate = made.sign(self.key, hashes.SHA256())
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        with tempfile.NamedTemporaryFile() as file:
            file.write(self.leaf.private_bytes(PEM, PKCS8, PLAIN) + certificate.public_bytes(PEM))
            file.flush()
            context.load_cert_chain(file.name)
        context.set_alpn_protocols(["http/1.1"])
        return context
