// Alerts: the firing first; each opens to its evidence, down to the record.
import { clock, span, time, Place } from "/parts/shared.js";

export default {
  components: { Place },
  props: { rows: Array },
  emits: ["open", "chart"],
  data: () => ({ clock, opened: {} }),
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
          <Place :place="row.place" label="this alert " @open="$emit('open', $event)" />
        </div>
      </article>
    </template>
  </div>`,
};
