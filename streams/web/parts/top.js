// The head of the page: how it stands with Kafka, what a glance must tell, and the light.
import { clock, span, time, amount } from "/parts/shared.js";

const NEXT = { auto: "light", light: "dark", dark: "auto" };
const YEAR_S = 31536000;

export default {
  props: { link: Object, head: Object },
  emits: ["scheme"],
  data: () => ({ clock, theme: (document.cookie.match(/(?:^|; )luminar_theme=(\w+)/) || [])[1] || "auto" }),
  computed: {
    dark() { return this.$q.dark.isActive; },
    state() { return this.clock.lostSinceS !== null ? "gone" : this.link.state; },
    words() {
      const { state, since_s } = this.link;
      if (this.state === "gone") return `server lost ${span(this.clock.nowS - this.clock.lostSinceS)} ago`;
      if (state === "following") return "live";
      if (state === "lost") return `Kafka lost ${span(this.clock.nowS - since_s)} ago`;
      return state === "connecting" ? "looking for Kafka" : "reading the past";
    },
    figures() {
      const h = this.head;
      const firing = h.critical + h.warning + h.info;
      return [
        { name: "firing", value: firing, tone: h.critical ? "critical" : h.warning ? "warning" : firing ? "info" : "", mark: h.critical ? "▲" : h.warning ? "◆" : "" },
        { name: "blocked", value: h.blocked },
        { name: "readings/s", value: h.readings_per_s },
        { name: "requests/s", value: h.requests_per_s },
        { name: h.workers === 1 ? "worker" : "workers", value: h.workers, tone: h.workers === 0 ? "warning" : "", mark: h.workers === 0 ? "◆" : "" },
        { name: "lag", value: h.lag },
        { name: "series", value: h.series },
      ];
    },
  },
  watch: { dark(now) { this.$emit("scheme", now); } },
  created() { if (this.theme !== "auto") this.light(); },
  mounted() { this.$emit("scheme", this.dark); },
  methods: {
    amount, time,
    light() {
      // NiceGUI's own switch: it turns Quasar and the browser's own widgets together, and null is the system's choice.
      window.setDark(this.theme === "auto" ? null : this.theme === "dark");
    },
    turn() {
      this.theme = NEXT[this.theme];
      document.cookie = `luminar_theme=${this.theme}; path=/; max-age=${YEAR_S}; samesite=strict`;
      this.light();
    },
  },
  template: `<div class="top">
    <header>
      <h1><span class="logo" aria-hidden="true"></span>Luminar</h1>
      <span :class="['link', state.replace(' ', '-')]" role="status" :title="link.why"><i aria-hidden="true"></i>{{ words }}</span>
      <dl class="heads">
        <div v-for="figure in figures" :key="figure.name" :class="['figure', figure.tone]">
          <dd><span v-if="figure.mark" class="mark" aria-hidden="true">{{ figure.mark }}</span>{{ amount(figure.value) }}</dd><dt>{{ figure.name }}</dt></div>
      </dl>
      <button type="button" class="theme" @click="turn" :title="'Light: ' + theme + '. Click for ' + (theme === 'auto' ? 'light' : theme === 'light' ? 'dark' : 'the system\\'s')">
        <span aria-hidden="true">{{ { auto: '◐', light: '☀', dark: '☾' }[theme] }}</span> {{ theme }}</button>
    </header>
    <div v-if="state === 'gone'" class="banner" role="alert"><b>The connection to the server of this page is lost</b> since {{ time(clock.lostSinceS) }}.
      What stands here is from before; the page goes on by itself as soon as the server answers.</div>
    <div v-else-if="state === 'lost'" class="banner" role="alert"><b>The connection to Kafka is lost</b> since {{ time(link.since_s) }}. What stands here is from
      before; the page goes on by itself as soon as Kafka answers. <span class="quiet">({{ link.why }})</span></div>
    <div v-else-if="state === 'connecting'" class="banner" role="alert">No Kafka has answered yet; the page goes on trying. <span v-if="link.why" class="quiet">({{ link.why }})</span></div>
    <div v-if="link.skipped" class="note">More readings come than a page can follow: {{ amount(link.skipped) }} were passed over in the charts. Alerts, blocks and commands are complete.</div>
  </div>`,
};
