/* colours: Okabe-Ito hues by kind of frame; lightness tells neighbours apart, never meaning. */
export interface Palette {
  fill(kind: number, label: number): string;
  change(delta: number): string;
  text: string; dim: string; dimText: string; ring: string; match: string; background: string; edge: string;
}

/* hue, saturation, lightness of the lightest: orange, sky blue, bluish green, reddish purple, grey, slate */
const HUES: [number, number, number][] = [[40, 92, 72], [202, 76, 76], [162, 48, 70], [326, 58, 82], [40, 6, 76], [222, 18, 80]];

function scramble(x: number): number {
  x = Math.imul(x + 0x9e37, 0x85ebca6b);
  x ^= x >>> 13;
  return Math.imul(x, 0xc2b2ae35) >>> 0;
}

function fills(darker: number): string[][] {
  return HUES.map(([h, s, l]) => Array.from({ length: 8 }, (_, i) => `hsl(${h - 8 + ((i * 5) % 8) * 2} ${s}% ${l - darker - i * 1.5}%)`));
}

function colours(dark: boolean): Palette {
  const made = fills(dark ? 9 : 0);
  return {
    fill: (kind, label) => made[kind][scramble(label) & 7],
    /* Vermillion grows, blue shrinks; a fifth of the width or more is full colour. */
    change: (delta) => {
      const strength = Math.min(1, Math.sqrt(Math.abs(delta)));
      const light = (dark ? 78 : 88) - strength * 26;
      if (Math.abs(delta) < 0.005) return dark ? 'hsl(40 5% 70%)' : 'hsl(40 8% 86%)';
      return delta > 0 ? `hsl(18 ${40 + strength * 50}% ${light}%)` : `hsl(206 ${40 + strength * 45}% ${light}%)`;
    },
    text: '#161512', dim: dark ? '#33363d' : '#e9e6df', dimText: dark ? '#b9b6ae' : '#6a665d', ring: dark ? '#ffffff' : '#111111',
    match: dark ? '#ff9d76' : '#b3261e', background: dark ? '#16181c' : '#ffffff', edge: '',
  };
}

/* The user's own colours: names that a canvas understands. */
const forced: Palette = {
  fill: () => 'Canvas', change: () => 'Canvas', text: 'CanvasText', dim: 'Canvas', dimText: 'GrayText', ring: 'Highlight',
  match: 'Highlight', background: 'Canvas', edge: 'CanvasText',
};

export function palette(dark: boolean): Palette {
  return matchMedia('(forced-colors: active)').matches ? forced : colours(dark);
}

export function isDark(theme: string): boolean {
  return theme === 'dark' || (theme === 'auto' && matchMedia('(prefers-color-scheme: dark)').matches);
}
