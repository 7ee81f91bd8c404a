;; Rows of weights times rows of pixels: what a convolution comes to. `npx wat2wasm product.wat` (wabt).
;; out[o, p] = bias[o] + Σ_i weight[o, i] · rows[p, i], for two o and four p at once, four i in a register.
(module
  (memory (export "memory") 1)
  (func $sums (param v128 v128 v128 v128) (result v128)  ;; the sum of each of four registers
    (local $lo v128) (local $hi v128) (local $a v128) (local $b v128)
    (local.set $a (f32x4.add
      (i8x16.shuffle 0 1 2 3 16 17 18 19 8 9 10 11 24 25 26 27 (local.get 0) (local.get 1))
      (i8x16.shuffle 4 5 6 7 20 21 22 23 12 13 14 15 28 29 30 31 (local.get 0) (local.get 1))))
    (local.set $b (f32x4.add
      (i8x16.shuffle 0 1 2 3 16 17 18 19 8 9 10 11 24 25 26 27 (local.get 2) (local.get 3))
      (i8x16.shuffle 4 5 6 7 20 21 22 23 12 13 14 15 28 29 30 31 (local.get 2) (local.get 3))))
    (f32x4.add
      (i8x16.shuffle 0 1 2 3 4 5 6 7 16 17 18 19 20 21 22 23 (local.get $a) (local.get $b))
      (i8x16.shuffle 8 9 10 11 12 13 14 15 24 25 26 27 28 29 30 31 (local.get $a) (local.get $b))))
  (func (export "product")  ;; places in bytes; n, pixels and outs are counts: of four, of four and of two
    (param $weight i32) (param $bias i32) (param $rows i32) (param $out i32)
    (param $n i32) (param $pixels i32) (param $outs i32)
    (local $o i32) (local $p i32) (local $w i32) (local $v i32) (local $end i32) (local $r i32)
    (local $q i32) (local $x v128) (local $y v128) (local $z v128)
    (local $a v128) (local $b v128) (local $c v128) (local $d v128)
    (local $e v128) (local $f v128) (local $g v128) (local $h v128)
    (local.set $n (i32.shl (local.get $n) (i32.const 2)))            ;; bytes of a row
    (loop $output
      (local.set $p (i32.const 0))
      (loop $pixel
        (local.set $w (i32.add (local.get $weight) (i32.mul (local.get $o) (local.get $n))))
        (local.set $v (i32.add (local.get $w) (local.get $n)))
        (local.set $end (local.get $v))
        (local.set $r (i32.add (local.get $rows) (i32.mul (local.get $p) (local.get $n))))
        (local.set $a (f32x4.splat (f32.const 0)))
        (local.set $b (local.get $a)) (local.set $c (local.get $a)) (local.set $d (local.get $a))
        (local.set $e (local.get $a)) (local.set $f (local.get $a)) (local.set $g (local.get $a))
        (local.set $h (local.get $a))
        (loop $four
          (local.set $x (v128.load (local.get $w)))
          (local.set $y (v128.load (local.get $v)))
          (local.set $z (v128.load (local.get $r)))
          (local.set $a (f32x4.add (local.get $a) (f32x4.mul (local.get $x) (local.get $z))))
          (local.set $e (f32x4.add (local.get $e) (f32x4.mul (local.get $y) (local.get $z))))
          (local.set $z (v128.load (local.tee $q (i32.add (local.get $r) (local.get $n)))))
          (local.set $b (f32x4.add (local.get $b) (f32x4.mul (local.get $x) (local.get $z))))
          (local.set $f (f32x4.add (local.get $f) (f32x4.mul (local.get $y) (local.get $z))))
          (local.set $z (v128.load (local.tee $q (i32.add (local.get $q) (local.get $n)))))
          (local.set $c (f32x4.add (local.get $c) (f32x4.mul (local.get $x) (local.get $z))))
          (local.set $g (f32x4.add (local.get $g) (f32x4.mul (local.get $y) (local.get $z))))
          (local.set $z (v128.load (i32.add (local.get $q) (local.get $n))))
          (local.set $d (f32x4.add (local.get $d) (f32x4.mul (local.get $x) (local.get $z))))
          (local.set $h (f32x4.add (local.get $h) (f32x4.mul (local.get $y) (local.get $z))))
          (local.set $r (i32.add (local.get $r) (i32.const 16)))
          (local.set $v (i32.add (local.get $v) (i32.const 16)))
          (br_if $four (i32.lt_u (local.tee $w (i32.add (local.get $w) (i32.const 16))) (local.get $end))))
        (local.set $q (i32.add (local.get $bias) (i32.shl (local.get $o) (i32.const 2))))
        (local.set $r (i32.add (local.get $out) (i32.shl (i32.add
          (i32.mul (local.get $o) (local.get $pixels)) (local.get $p)) (i32.const 2))))
        (v128.store (local.get $r) (f32x4.add (v128.load32_splat (local.get $q))
          (call $sums (local.get $a) (local.get $b) (local.get $c) (local.get $d))))
        (v128.store (i32.add (local.get $r) (i32.shl (local.get $pixels) (i32.const 2)))
          (f32x4.add (v128.load32_splat offset=4 (local.get $q))
            (call $sums (local.get $e) (local.get $f) (local.get $g) (local.get $h))))
        (br_if $pixel (i32.lt_u (local.tee $p (i32.add (local.get $p) (i32.const 4))) (local.get $pixels))))
      (br_if $output (i32.lt_u (local.tee $o (i32.add (local.get $o) (i32.const 2))) (local.get $outs))))))
