// MakeRecords lets Bouncy Castle make evidence records (RFC 4998), so that Selvage can be
// asked about them. It shares no code with Selvage. Run it as a single file:
//
//   java -cp bcprov.jar:bcutil.jar:bcpkix.jar MakeRecords.java DIR
//
// Whenever it needs a token it prints "SHA-256 HEX" or "SHA-512 HEX" and reads the name of
// a file in DIR with the time authority's answer. It writes to DIR: many-0.ers to
// many-4.ers over "object 0" to "object 4", group.ers over "contract" and "signature", all
// by one token; alone.ers over "alone"; stamped.ers, which is many-0.ers with a further
// time-stamp; twice.ers with one more; tree.ers, which is twice.ers with a new tree by SHA-512.

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.security.Security;
import java.util.List;

import org.bouncycastle.asn1.nist.NISTObjectIdentifiers;
import org.bouncycastle.asn1.x509.AlgorithmIdentifier;
import org.bouncycastle.jce.provider.BouncyCastleProvider;
import org.bouncycastle.operator.DigestCalculator;
import org.bouncycastle.operator.DigestCalculatorProvider;
import org.bouncycastle.operator.jcajce.JcaDigestCalculatorProviderBuilder;
import org.bouncycastle.tsp.TimeStampRequest;
import org.bouncycastle.tsp.TimeStampRequestGenerator;
import org.bouncycastle.tsp.TimeStampResponse;
import org.bouncycastle.tsp.ers.ERSArchiveTimeStamp;
import org.bouncycastle.tsp.ers.ERSArchiveTimeStampGenerator;
import org.bouncycastle.tsp.ers.ERSByteData;
import org.bouncycastle.tsp.ers.ERSData;
import org.bouncycastle.tsp.ers.ERSDataGroup;
import org.bouncycastle.tsp.ers.ERSEvidenceRecord;
import org.bouncycastle.tsp.ers.ERSEvidenceRecordGenerator;
import org.bouncycastle.util.encoders.Hex;

public class MakeRecords {
    static Path dir;
    static final BufferedReader in = new BufferedReader(new InputStreamReader(System.in));

    public static void main(String[] args) throws Exception {
        Security.addProvider(new BouncyCastleProvider());
        dir = Paths.get(args[0]);
        DigestCalculatorProvider digests = new JcaDigestCalculatorProviderBuilder().setProvider("BC").build();
        DigestCalculator sha256 = digests.get(new AlgorithmIdentifier(NISTObjectIdentifiers.id_sha256));
        DigestCalculator sha512 = digests.get(new AlgorithmIdentifier(NISTObjectIdentifiers.id_sha512));
        TimeStampRequestGenerator requests = new TimeStampRequestGenerator();
        requests.setCertReq(true);
        ERSEvidenceRecordGenerator records = new ERSEvidenceRecordGenerator(digests);

        ERSArchiveTimeStampGenerator many = new ERSArchiveTimeStampGenerator(sha256);
        for (int i = 0; i < 5; i++) {
            many.addData(data("object " + i));
        }
        many.addData(new ERSDataGroup(data("contract"), data("signature")));
        List<ERSArchiveTimeStamp> stamps = many.generateArchiveTimeStamps(ask(many.generateTimeStampRequest(requests)));
        ERSEvidenceRecord first = null;
        for (int i = 0; i < stamps.size(); i++) {
            ERSEvidenceRecord r = records.generate(stamps.get(i));
            write(i < 5 ? "many-" + i : "group", r);
            first = first == null ? r : first;
        }

        ERSArchiveTimeStampGenerator alone = new ERSArchiveTimeStampGenerator(sha256);
        alone.addData(data("alone"));
        write("alone", records.generate(alone.generateArchiveTimeStamps(ask(alone.generateTimeStampRequest(requests))).get(0)));

        ERSEvidenceRecord stamped = first.renewTimeStamp(ask(first.generateTimeStampRenewalRequest(requests)));
        write("stamped", stamped);
        ERSEvidenceRecord twice = stamped.renewTimeStamp(ask(stamped.generateTimeStampRenewalRequest(requests)));
        write("twice", twice);
        write("tree", twice.renewHash(sha512, data("object 0"), ask(twice.generateHashRenewalRequest(sha512, data("object 0"), requests))));
    }

    static ERSData data(String text) {
        return new ERSByteData(text.getBytes(StandardCharsets.UTF_8));
    }

    static TimeStampResponse ask(TimeStampRequest request) throws Exception {
        byte[] digest = request.getMessageImprintDigest();
        System.out.println((digest.length == 32 ? "SHA-256 " : "SHA-512 ") + Hex.toHexString(digest));
        System.out.flush();
        return new TimeStampResponse(Files.readAllBytes(dir.resolve(in.readLine())));
    }

    static void write(String name, ERSEvidenceRecord r) throws Exception {
        Files.write(dir.resolve(name + ".ers"), r.getEncoded());
    }
}
