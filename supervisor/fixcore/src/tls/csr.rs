//! The request with which fixcore signs a certificate for our web server.

use rcgen::string::Ia5String;
use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair, PKCS_RSA_SHA256, RsaKeySize, SanType};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

use super::names::LocalNames;

/// A new key and the request to sign it.
pub(crate) struct SigningRequest {
    pub(crate) pem: String,
    pub(crate) key: PrivateKeyDer<'static>,
}

/// Makes an RSA key of 2048 bits (fixcore's own code takes no other kind) and a request for the names and addresses
/// of this host. Takes some hundred milliseconds of CPU: not for a runtime thread.
pub(crate) fn signing_request(common_name: &str) -> Result<SigningRequest, rcgen::Error> {
    request_for(common_name, &LocalNames::of_this_host())
}

fn request_for(common_name: &str, names: &LocalNames) -> Result<SigningRequest, rcgen::Error> {
    let key = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048)?;
    let pem = params(common_name, names).serialize_request(&key)?.pem()?;
    Ok(SigningRequest { pem, key: PrivatePkcs8KeyDer::from(key.serialize_der()).into() })
}

/// A certificate that nobody has signed, for a web server that has to answer before fixcore does. With another kind of key,
/// which takes no time to make.
pub(crate) fn self_signed(common_name: &str) -> Result<SelfSigned, rcgen::Error> {
    let key = KeyPair::generate()?;
    let mut params = params(common_name, &LocalNames::of_this_host());
    params.not_after = rcgen::date_time_ymd(2100, 1, 1);
    let certificate = params.self_signed(&key)?.der().clone();
    Ok(SelfSigned { certificate, key: PrivatePkcs8KeyDer::from(key.serialize_der()).into() })
}

/// A key and the certificate that it has signed for itself.
pub(crate) struct SelfSigned {
    pub(crate) certificate: CertificateDer<'static>,
    pub(crate) key: PrivateKeyDer<'static>,
}

fn params(common_name: &str, names: &LocalNames) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, common_name);
    let hosts = names.hosts.iter().filter_map(|name| Ia5String::try_from(name.as_str()).ok());
    params.subject_alt_names =
        hosts.map(SanType::DnsName).chain(names.addresses.iter().copied().map(SanType::IpAddress)).collect();
    params
}

#[cfg(test)]
mod tests {
    use super::*;
    use x509_cert::der::{Decode, DecodePem};
    use x509_cert::ext::pkix::SubjectAltName;
    use x509_cert::ext::pkix::name::GeneralName;
    use x509_cert::request::{CertReq, ExtensionReq};

    #[test]
    fn the_request_names_the_subscriber_and_all_names() {
        let names = LocalNames {
            hosts: ["box".to_owned(), "localhost".to_owned()].into(),
            addresses: ["127.0.0.1", "::1"].map(|a| a.parse().unwrap()).into(),
        };
        let request = request_for("fix.worker", &names).unwrap();
        let parsed = CertReq::from_pem(request.pem.as_bytes()).unwrap();
        assert_eq!(parsed.info.subject.to_string(), "CN=fix.worker");
        let algorithm = parsed.info.public_key.algorithm.oid.to_string();
        assert_eq!(algorithm, "1.2.840.113549.1.1.1", "an RSA key");
        assert_eq!(parsed.algorithm.oid.to_string(), "1.2.840.113549.1.1.11", "signed with SHA-256");
        let attribute = parsed.info.attributes.iter().next().unwrap();
        let requested = attribute.values.iter().next().unwrap();
        let extensions = requested.decode_as::<ExtensionReq>().unwrap().0;
        let san = extensions.iter().find(|e| e.extn_id.to_string() == "2.5.29.17").unwrap();
        assert!(!san.critical);
        let san = SubjectAltName::from_der(san.extn_value.as_bytes()).unwrap();
        let texts: Vec<String> = san
            .0
            .iter()
            .map(|name| match name {
                GeneralName::DnsName(dns) => dns.to_string(),
                GeneralName::IpAddress(ip) => format!("ip of {} bytes", ip.as_bytes().len()),
                other => format!("{other:?}"),
            })
            .collect();
        assert_eq!(texts, ["box", "localhost", "ip of 4 bytes", "ip of 16 bytes"]);
    }
}
