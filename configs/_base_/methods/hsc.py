# Hierarchical semantic contrast. It goes on any CAM head:
# model = dict(second_view=(128, 128), decode_head={{_base_.hsc}}).
# The grid is that of the release, whose view 2 has 16 x 16 positions at stride
# 8: at other strides both views are resized to it.
hsc = dict(
    embeddings=dict(
        pixel=dict(type='hsc_mm.PixelEmbedding', channels=128),
        region=dict(type='hsc_mm.RegionEmbedding', channels=256)),
    losses=dict(
        contrast=dict(
            type='hsc_mm.HierarchicalContrast',
            grid=(16, 16),
            levels=dict(
                roi=dict(type='hsc_mm.ROIContrast'),
                cls=dict(type='hsc_mm.ClassContrast'),
                pixel=dict(type='hsc_mm.PixelContrast')))))
