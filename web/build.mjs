// build.mjs OUT: bundles src/ into shell.html. Only what is hashed in the content security policy can run.
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { build } from 'esbuild';

const LIMIT = 120 * 1024;

const bundle = async (entry) => {
  const made = await build({
    entryPoints: [entry],
    bundle: true,
    minify: true,
    write: false,
    metafile: true,
    format: 'iife',
    target: ['chrome109', 'firefox115', 'safari16.4'],
    jsx: 'automatic',
    jsxImportSource: 'preact',
    legalComments: 'none',
    charset: 'utf8',
    logLevel: 'error',
  });
  return { text: made.outputFiles[0].text.trim(), inputs: Object.keys(made.metafile.inputs) };
};

/* A package counts when one of its files is in the bundle; its licence then goes into the page whole. */
const licences = (inputs) => {
  const names = new Set(inputs.map((f) => /^node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(f)?.[1]).filter(Boolean));
  return [...names].sort().map((name) => {
    const at = `node_modules/${name}`;
    const { version, license } = JSON.parse(readFileSync(`${at}/package.json`, 'utf8'));
    const file = ['LICENSE', 'LICENSE.md', 'LICENSE.txt', 'LICENCE'].find((f) => existsSync(`${at}/${f}`));
    if (!file) throw new Error(`${name} ${version} (${license}) has no licence file to take along`);
    return `${name} ${version}\n\n${readFileSync(`${at}/${file}`, 'utf8').trim()}`;
  });
};

const hash = (text) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
const script = await bundle('src/main.tsx');
const style = await bundle('src/style.css');
if (script.text.includes('</script') || style.text.includes('</style')) throw new Error('the bundle would end its own tag');
const third = licences(script.inputs).join('\n\n').replaceAll('--', '- -');
const parts = { STYLE: style.text, SCRIPT: script.text, STYLE_HASH: hash(style.text), SCRIPT_HASH: hash(script.text), LICENCES: third };
const page = readFileSync('shell.html', 'utf8').replace(/\{\{(\w+)\}\}/g, (_, name) => parts[name]);
if (Buffer.byteLength(page) > LIMIT) throw new Error(`the page is ${Buffer.byteLength(page)} bytes, at most ${LIMIT}`);
writeFileSync(process.argv[2], page);
