// EvidenceRecords asks Bouncy Castle about evidence records (RFC 4998). It shares no code
// with Selvage. Run it as a single file:
//
//   java -cp bcprov.jar:bcutil.jar:bcpkix.jar EvidenceRecords.java DIR < LIST
//
// LIST has one line a record: its file, the file of its data object, the time at which it
// is asked (milliseconds since 1970). roots.der in DIR holds the trusted roots, one after
// the other. For each line it prints "ok" or "refused: REASON".
//
// Bouncy Castle checks the chain of tokens within the last ArchiveTimeStampChain, the last
// token's signature, and that the last chain begins with the data object and all chains
// before it. So every prefix of the record is asked about: its first chain, its first two
// chains, and within each chain its first token, its first two tokens, and so on.

import java.io.BufferedReader;
import java.io.ByteArrayInputStream;
import java.io.InputStreamReader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.security.Security;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.util.Arrays;
import java.util.ArrayList;
import java.util.Date;
import java.util.List;

import org.bouncycastle.asn1.tsp.ArchiveTimeStamp;
import org.bouncycastle.asn1.tsp.ArchiveTimeStampChain;
import org.bouncycastle.asn1.tsp.ArchiveTimeStampSequence;
import org.bouncycastle.asn1.tsp.EvidenceRecord;
import org.bouncycastle.cert.X509CertificateHolder;
import org.bouncycastle.cms.SignerInformationVerifier;
import org.bouncycastle.cms.jcajce.JcaSimpleSignerInfoVerifierBuilder;
import org.bouncycastle.jce.provider.BouncyCastleProvider;
import org.bouncycastle.operator.DigestCalculatorProvider;
import org.bouncycastle.operator.jcajce.JcaContentVerifierProviderBuilder;
import org.bouncycastle.operator.jcajce.JcaDigestCalculatorProviderBuilder;
import org.bouncycastle.tsp.ers.ERSByteData;
import org.bouncycastle.tsp.ers.ERSEvidenceRecord;

public class EvidenceRecords {
    static DigestCalculatorProvider digests;
    static final List<X509CertificateHolder> roots = new ArrayList<>();

    public static void main(String[] args) throws Exception {
        Security.addProvider(new BouncyCastleProvider());
        digests = new JcaDigestCalculatorProviderBuilder().setProvider("BC").build();
        Path dir = Paths.get(args[0]);
        ByteArrayInputStream in = new ByteArrayInputStream(Files.readAllBytes(dir.resolve("roots.der")));
        CertificateFactory factory = CertificateFactory.getInstance("X.509");
        while (in.available() > 0) {
            roots.add(new X509CertificateHolder(((X509Certificate) factory.generateCertificate(in)).getEncoded()));
        }
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in));
        for (String line; (line = lines.readLine()) != null; ) {
            String[] f = line.split(" ");
            try {
                check(Files.readAllBytes(dir.resolve(f[0])), Files.readAllBytes(dir.resolve(f[1])), new Date(Long.parseLong(f[2])));
                System.out.println("ok");
            } catch (Exception e) {
                System.out.println("refused: " + (e + "").replace('\n', ' '));
            }
        }
    }

    static void check(byte[] der, byte[] data, Date at) throws Exception {
        EvidenceRecord record = EvidenceRecord.getInstance(der);
        if (!Arrays.equals(record.getEncoded("DER"), der)) {
            throw new Exception("not DER");
        }
        ArchiveTimeStampChain[] chains = record.getArchiveTimeStampSequence().getArchiveTimeStampChains();
        Date last = null;
        for (int k = 0; k < chains.length; k++) {
            ArchiveTimeStamp[] stamps = chains[k].getArchiveTimestamps();
            for (int j = 0; j < stamps.length; j++) {
                ArchiveTimeStampChain[] prefix = Arrays.copyOf(chains, k + 1);
                prefix[k] = new ArchiveTimeStampChain(Arrays.copyOf(stamps, j + 1));
                last = prefix(record, prefix, data, at, last);
            }
        }
    }

    // prefix checks a record that ends with the last of these chains and returns the time
    // of its last token, which must not be before the one before it.
    static Date prefix(EvidenceRecord whole, ArchiveTimeStampChain[] chains, byte[] data, Date at, Date before) throws Exception {
        EvidenceRecord part = new EvidenceRecord(whole.getDigestAlgorithms(), null, null, new ArchiveTimeStampSequence(chains));
        ERSEvidenceRecord ers = new ERSEvidenceRecord(part, digests);
        ers.validatePresent(new ERSByteData(data), at);
        X509CertificateHolder signer = ers.getSigningCertificate();
        if (signer == null) {
            throw new Exception("no signing certificate");
        }
        boolean trusted = false;
        for (X509CertificateHolder root : roots) {
            trusted |= signer.getIssuer().equals(root.getSubject())
                && signer.isSignatureValid(new JcaContentVerifierProviderBuilder().setProvider("BC").build(root));
        }
        if (!trusted) {
            throw new Exception("no trusted root for " + signer.getSubject());
        }
        SignerInformationVerifier verifier = new JcaSimpleSignerInfoVerifierBuilder().setProvider("BC").build(signer);
        ers.validate(verifier);
        ArchiveTimeStamp[] stamps = chains[chains.length - 1].getArchiveTimestamps();
        Date time = new org.bouncycastle.tsp.TimeStampToken(stamps[stamps.length - 1].getTimeStamp()).getTimeStampInfo().getGenTime();
        if (before != null && time.before(before)) {
            throw new Exception("time-stamps out of order");
        }
        if (time.after(at)) {
            throw new Exception("time-stamp in the future");
        }
        return time;
    }
}
