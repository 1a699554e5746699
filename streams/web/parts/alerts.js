// Alerts: the firing first; each opens to its evidence, down to the record.
import { clock, span, time, Place } from "/parts/shared.js";

export default {
  components: { Place },
  props: { rows: Array },
  emits: ["open", "chart", "feedback"],
  data: () => ({
    clock, opened: {}, sure: null,
    verdicts: [
      { verdict: "false alarm", words: "false alarm", title: "It ends, and the same is usual from now on" },
      { verdict: "confirmed", words: "confirmed", title: "It does not count as needless: thresholds go back" },
      { verdict: "expected", words: "expected, 2 h", title: "It ends, and alarms of its series are held back for two hours" },
    ],
  }),
  computed: {
    firing() { return this.rows.filter((row) => row.state === "firing"); },
    resolved() { return this.rows.filter((row) => row.state !== "firing"); },
    groups() {
      return [
        { name: "", rows: this.firing },
        { name: "Resolved", rows: this.resolved },
      ].filter((group) => group.rows.length);
    },
  },
  methods: {
    span, time,
    mark(row) {
      return row.state !== "firing" ? "✓" : { critical: "▲", warning: "◆", info: "●" }[row.severity];
    },
    say(row, verdict) {
      // The first click asks, the second says it: models learn from it.
      const asked = `${row.id} ${verdict}`;
      if (this.sure !== asked) { this.sure = asked; return; }
      this.sure = null;
      this.$emit("feedback", { id: row.id, verdict });
    },
    lasted(row) {
      return row.state === "firing" ? `for ${span(this.clock.nowS - row.since_s)}` : `after ${span(row.at_s - row.since_s)}`;
    },
  },
  template: `<div class="list">
    <p v-if="!firing.length" class="calm"><span aria-hidden="true">✓</span> Nothing fires.</p>
    <template v-for="group in groups" :key="group.name">
      <h3 v-if="group.name" class="subhead">{{ group.name }} · {{ group.rows.length }}</h3>
      <article v-for="row in group.rows" :key="row.id" :class="['alert', row.state, row.severity]">
        <button type="button" class="alert-head" :aria-expanded="!!opened[row.id]" @click="opened[row.id] = !opened[row.id]">
          <span class="mark" aria-hidden="true">{{ mark(row) }}</span>
          <span class="alert-words">
            <span class="alert-title">{{ row.title }}</span>
            <span class="quiet"><b class="severity">{{ row.state === 'firing' ? row.severity : 'resolved' }}</b>
              {{ lasted(row) }} · {{ row.service }} · {{ row.signals }} signal{{ row.signals === 1 ? '' : 's' }}</span>
          </span>
          <span class="chevron" aria-hidden="true">{{ opened[row.id] ? '▾' : '▸' }}</span>
        </button>
        <div v-if="opened[row.id]" class="evidence">
          <p class="quiet">since {{ time(row.since_s) }}, last said {{ time(row.at_s) }}
            <span v-for="label in row.labels" class="tag">{{ label }}</span></p>
          <ul>
            <li v-for="(piece, i) in row.evidence" :key="i">
              <span class="quiet stamp">{{ time(piece.at_s) }}</span> {{ piece.text }}
              <span class="places"><Place :place="piece.place" @open="$emit('open', $event)" />
                <button v-if="piece.series" type="button" class="place" @click="$emit('chart', piece.series)">chart</button></span>
            </li>
          </ul>
          <p><button v-for="one in verdicts" :key="one.verdict" type="button" :title="one.title"
            :class="['act', { sure: sure === row.id + ' ' + one.verdict }]" @click="say(row, one.verdict)" @blur="sure = null">
            {{ sure === row.id + ' ' + one.verdict ? 'sure?' : one.words }}</button></p>
          <Place :place="row.place" label="this alert " @open="$emit('open', $event)" />
        </div>
      </article>
    </template>
  </div>`,
};
