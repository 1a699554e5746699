// What the parts of the page share: the clock that ages are counted by, and the button that opens a place in the log.
import { reactive } from "vue";

// One timer for all ages and times left: they go on without a word from the server.
export const clock = reactive({ nowS: Date.now() / 1000, lostSinceS: null });
let met = false;
setInterval(() => {
  clock.nowS = Date.now() / 1000;
  // A page that cannot reach its server must not look live: everything on it is from before.
  const connected = !!window.socket?.connected;
  met = met || connected;
  if (connected) clock.lostSinceS = null;
  else if (met && clock.lostSinceS === null) clock.lostSinceS = clock.nowS;
}, 1000);

const two = (n) => String(n).padStart(2, "0");

export function span(seconds) {
  const s = Math.max(0, Math.round(seconds));
  if (s < 100) return `${s} s`;
  if (s < 6000) return `${Math.round(s / 60)} min`;
  if (s < 172800) return `${Math.round(s / 3600)} h`;
  return `${Math.round(s / 86400)} d`;
}

export function left(seconds) {
  const s = Math.max(0, Math.ceil(seconds));
  const h = Math.floor(s / 3600);
  const rest = `${two(Math.floor((s % 3600) / 60))}:${two(s % 60)}`;
  return h ? `${h}:${rest}` : rest;
}

export function time(atS) {
  const at = new Date(atS * 1000);
  const day = at.toDateString() === new Date().toDateString() ? "" : `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} `;
  return `${day}${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
}

export function amount(value) {
  if (value === null || value === undefined) return "–";
  const size = Math.abs(value);
  if (size >= 1e6) return `${(value / 1e6).toFixed(size >= 1e7 ? 0 : 1)} M`;
  if (size >= 1e4) return `${(value / 1e3).toFixed(size >= 1e5 ? 0 : 1)} k`;
  if (size >= 100 || Number.isInteger(value)) return String(Math.round(value));
  return String(Number(value.toPrecision(3)));
}

export const Place = {
  props: { place: Object, label: String },
  emits: ["open"],
  template: `<button v-if="place" type="button" class="place" @click.stop="$emit('open', place)"
    :title="'Show the record at ' + place.topic + ', partition ' + place.partition + ', offset ' + place.offset"
    ><span v-if="label" class="place-label">{{ label }}</span>{{ place.topic }}/{{ place.partition }}@{{ place.offset }}</button>`,
};
