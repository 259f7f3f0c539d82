// check.mjs FILE.jpg... prints, a line a file, what two readers by others say of it:
//
//	{"file": PATH, "wasm": {"state": S, "active": LABEL, "failure": [CODE...]},
//	 "ts": {"valid": true, "failure": [CODE...]}}
//
// wasm is c2pa-rs itself (@contentauth/c2pa-wasm) with the PEM file in $ROOT as its only
// trust anchor; ts is a code base of its own (@trustnxt/c2pa-ts), which looks at no trust.
import fs from 'node:fs';
import { createRequire } from 'node:module';
import { initSync, WasmReader } from '@contentauth/c2pa-wasm';
import { JPEG } from '@trustnxt/c2pa-ts/asset';
import { SuperBox } from '@trustnxt/c2pa-ts/jumbf';
import { ManifestStore } from '@trustnxt/c2pa-ts/manifest';

const wasm = createRequire(import.meta.url).resolve('@contentauth/c2pa-wasm/c2pa.wasm');
initSync({ module: fs.readFileSync(wasm) });
const context = JSON.stringify({
  trust: { trust_anchors: fs.readFileSync(process.env.ROOT, 'utf8') },
  verify: { verify_trust: true, remote_manifest_fetch: false, ocsp_fetch: false },
});

async function byWasm(bytes) {
  const store = JSON.parse((await WasmReader.fromBytes('image/jpeg', bytes, context)).json());
  return {
    state: store.validation_state,
    active: store.active_manifest,
    failure: (store.validation_results?.activeManifest?.failure ?? []).map((s) => s.code),
  };
}

async function byTS(bytes) {
  const asset = new JPEG(bytes);
  const store = ManifestStore.read(SuperBox.fromBuffer(asset.getManifestJUMBF()));
  const result = await store.validate(asset);
  return { valid: result.isValid, failure: result.statusEntries.filter((s) => !s.success).map((s) => s.code) };
}

for (const file of process.argv.slice(2)) {
  const bytes = new Uint8Array(fs.readFileSync(file));
  console.log(JSON.stringify({ file, wasm: await byWasm(bytes), ts: await byTS(bytes) }));
}
