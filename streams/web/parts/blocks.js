// The blocklist: who is refused, how long still, and the way to end it.
import { clock, left, time, Place } from "/parts/shared.js";

const ASK_AGAIN_S = 10;

export default {
  components: { Place },
  props: { rows: Array, total: Number },
  emits: ["open", "lift"],
  data: () => ({ clock, sure: null }),
  methods: {
    left, time,
    share(row) {
      const whole = Math.max(1, row.until_s - row.at_s);
      return Math.max(0, Math.min(100, (100 * (row.until_s - this.clock.nowS)) / whole));
    },
    asked(row) { return row.asked_s && this.clock.nowS - row.asked_s < ASK_AGAIN_S; },
    lift(row) {
      // The first click asks, the second does it: a block lifted by a slip lets an attacker in.
      if (this.sure !== row.client) { this.sure = row.client; return; }
      this.sure = null;
      this.$emit("lift", row.client);
    },
  },
  template: `<div class="list">
    <p v-if="!rows.length" class="calm">Nobody is blocked.</p>
    <article v-for="row in rows" :key="row.client" class="blocked">
      <div class="blocked-words">
        <div class="line"><b class="client">{{ row.client }}</b><span class="tag">{{ row.family }}</span>
          <span v-if="row.times > 1" class="quiet">{{ row.times }} times</span></div>
        <div class="why">{{ row.why }}</div>
        <span class="places"><Place :place="row.place" @open="$emit('open', $event)" />
          <Place :place="row.led_by" label="led by " @open="$emit('open', $event)" /></span>
      </div>
      <div class="blocked-end">
        <span class="left" :title="'until ' + time(row.until_s)">{{ row.until_s > clock.nowS ? left(row.until_s - clock.nowS) : 'ending' }}</span>
        <span class="bar"><span :style="{ width: share(row) + '%' }"></span></span>
        <button v-if="asked(row)" type="button" class="act" disabled>lifting…</button>
        <button v-else type="button" :class="['act', { sure: sure === row.client }]" @click="lift(row)" @blur="sure = null"
          :aria-label="'Lift the block of ' + row.client">{{ sure === row.client ? 'sure?' : 'lift' }}</button>
      </div>
    </article>
    <p v-if="total > rows.length" class="quiet">and {{ total - rows.length }} more</p>
  </div>`,
};
